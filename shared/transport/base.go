package transport

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// maxIdlePerHost lets 32 workers of a fan-out keep their connections to the one
// host they all call; net/http's default of 2 would open a new one for most calls.
const maxIdlePerHost = 32

// Base is the innermost transport: pooled, with a time-out for every phase and
// TLS 1.2 or newer. It honours HTTPS_PROXY and NO_PROXY, as CI runners need.
func Base() *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  30 * time.Second,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           2 * maxIdlePerHost,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}
}
