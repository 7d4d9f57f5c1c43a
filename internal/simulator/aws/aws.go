// Package aws simulates the part of AWS that linkersync uses, on one loopback
// address for AWS_ENDPOINT_URL: Secrets Manager, SQS, DynamoDB, EventBridge, S3
// and STS.
//
// Each service is a package of its own, with its state in memory. DynamoDB and S3
// are minidyn and gofakes3 behind our signature check and faults. The others are
// strict: signatures, content types, members, limits and states are checked, and
// an operation or member that isn't simulated is refused with a 501 that says so.
// There are no permissions; a test that needs AccessDenied injects it.
//
//	cloud := aws.New(aws.Options{})
//	defer cloud.Close()
//	client := secretsmanager.NewFromConfig(cloud.Config())
//	cloud.Faults.Add(fault.Target("PutSecretValue"), fault.Every(5), fault.Throttle())
package aws

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/aws/dynamodb"
	"github.com/linkersync/linkersync/internal/simulator/aws/eventbridge"
	"github.com/linkersync/linkersync/internal/simulator/aws/s3"
	"github.com/linkersync/linkersync/internal/simulator/aws/secretsmanager"
	"github.com/linkersync/linkersync/internal/simulator/aws/sqs"
	"github.com/linkersync/linkersync/internal/simulator/aws/sts"
	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
	"github.com/linkersync/linkersync/internal/simulator/fault"
	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

// The account, the region and the lasting access key of every server. The key opens
// nothing but the simulator.
const (
	Account         = "111122223333"
	Region          = "eu-central-1"
	AccessKeyID     = "AKIASIMULATOR"
	SecretAccessKey = "simulator-secret"
)

// maxBody is the largest request that a server reads; the services' own limits
// are far below.
const maxBody = 16 << 20

// Options configure a [Server]. The zero value is ready to use.
type Options struct {
	// Now is the services' clock: recovery windows, visibility, expiry. Nil means
	// time.Now. Signatures are always compared with the real time, since that is
	// what clients sign with.
	Now func() time.Time
	// Faults is the injector in front of all services; nil means a new one.
	Faults *fault.Injector
}

// Server is a simulated AWS on loopback. Its services are there to be asked by tests.
type Server struct {
	// URL is the value for AWS_ENDPOINT_URL.
	URL     string
	Faults  *fault.Injector
	Secrets *secretsmanager.Service
	Queues  *sqs.Service
	Events  *eventbridge.Service
	Buckets *s3.Service
	Tables  *dynamodb.Service
	Tokens  *sts.Service

	cloud    wire.Cloud
	auth     wire.Authenticator
	services services
	handler  http.Handler
	loopback loopback.Server
	// transport belongs to the clients of Config, so that Close leaves no connection.
	transport *http.Transport
}

// New starts a server on a free loopback port. It panics when there is none, as
// httptest.NewServer does.
func New(options Options) *Server {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Faults == nil {
		options.Faults = fault.New(fault.Options{})
	}
	cloud := wire.Cloud{Account: Account, Region: Region, Now: options.Now}
	s := &Server{
		Faults: options.Faults, Queues: sqs.New(cloud), Events: eventbridge.New(cloud), Tables: dynamodb.New(), Tokens: sts.New(cloud),
		cloud:     cloud,
		transport: &http.Transport{MaxIdleConnsPerHost: 256},
	}
	s.auth = wire.Authenticator{Region: cloud.Region, Credential: s.credential, Now: time.Now}
	s.Secrets = secretsmanager.New(cloud, secretsmanager.Emit(s.Events.Emit))
	s.Buckets = s3.New(cloud, s.Events.Emit)
	s.services = services{
		json: []*wire.JSON{s.Secrets.API(), s.Queues.API(), s.Events.API()},
		sts:  s.Tokens, s3: s.Buckets, dynamodb: s.Tables,
	}
	s.handler = s.Faults.Wrap(http.HandlerFunc(s.serve))
	if err := s.loopback.Start(s); err != nil {
		panic(err)
	}
	s.URL = s.loopback.URL()
	return s
}

// Close ends the server and its connections, and waits for what it started.
func (s *Server) Close() {
	s.transport.CloseIdleConnections()
	_ = s.loopback.Close() // its listener is ours alone
	s.Events.Close()
}

func (s *Server) credential(accessKey string) (wire.Credential, bool) {
	if accessKey == AccessKeyID {
		return wire.Credential{SecretAccessKey: SecretAccessKey}, true
	}
	return s.Tokens.Credential(accessKey)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "read body: "+err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	service := s.services.of(r)
	call := &call{service: service, body: body}
	r = r.WithContext(context.WithValue(r.Context(), callKey{}, call))
	s.handler.ServeHTTP(w, fault.WithTarget(r, service.Target(r, body)))
}

// call is a request on its way through the faults to its service.
type call struct {
	service wire.Service
	body    []byte
}

type callKey struct{}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	call, _ := r.Context().Value(callKey{}).(*call)
	r = wire.WithBaseURL(r)
	var err error
	if !unsigned(call, r) {
		err = s.auth.Verify(r, call.body, call.service)
	}
	if err == nil {
		err = call.service.Handle(w, r, call.body)
	}
	if err != nil {
		call.service.Refuse(w, r, wire.AsError(err))
	}
}

// services finds the service that a request is for.
type services struct {
	json     []*wire.JSON
	sts, s3  wire.Service
	dynamodb *dynamodb.Service
}

func (s services) of(r *http.Request) wire.Service {
	target := r.Header.Get("X-Amz-Target")
	for _, service := range s.json {
		if strings.HasPrefix(target, service.Prefix+".") {
			return service
		}
	}
	if strings.HasPrefix(target, s.dynamodb.Prefix+".") {
		return s.dynamodb
	}
	if target != "" {
		return unknown{&wire.JSON{Version: "1.0"}}
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && media == "application/x-www-form-urlencoded" {
		return s.sts
	}
	return s.s3
}

// unknown refuses the requests for a service that isn't simulated.
type unknown struct{ *wire.JSON }

// Handle implements wire.Service.
func (unknown) Handle(_ http.ResponseWriter, r *http.Request, _ []byte) error {
	return wire.Missing("service of", r.Header.Get("X-Amz-Target"))
}

// unsigned tells whether the signature doesn't matter: because the operation has
// none, or because the request is refused anyway.
func unsigned(c *call, r *http.Request) bool {
	switch service := c.service.(type) {
	case *sts.Service:
		return service.Unsigned(r, c.body)
	case unknown:
		return true
	}
	return false
}
