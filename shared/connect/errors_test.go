package connect_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/redact"
)

// The mark is in every value that comes from outside or is secret; nothing that an
// error prints may contain it.
const mark = "canary-51c7"

func TestErrorsLeakNothing(t *testing.T) {
	t.Parallel()
	for name, err := range markedErrors(t) {
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for verb, printed := range printings(t, err) {
			for form, leak := range map[string]string{
				"plain":  mark,
				"base64": strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(mark)), "=")[:10],
				"url":    url.QueryEscape(mark),
			} {
				if strings.Contains(printed, leak) {
					t.Errorf("%s: %s prints the mark (%s): %s", name, verb, form, printed)
				}
			}
		}
	}
}

// markedErrors causes each kind of error with marked input.
func markedErrors(t *testing.T) map[string]error {
	t.Helper()
	receiver := newReceiver()
	receiver.secrets[mark] = secrets("current-"+mark, "previous-"+mark, "")
	receiver.app = redact.New("app-" + mark)
	verify := func(request connect.Request) error {
		_, err := receiver.receive(request)
		return err
	}
	claims := bitbucketClaims().with("iss", mark).with("aud", mark).with("sub", mark)
	token := func(claims object, secret string) connect.Request {
		return installedRequest(sign(bitbucketHeader, claims.json(t), secret))
	}
	target := &url.URL{Path: "/" + mark}
	installed := func(body string) error {
		_, err := connect.ParseEvent(connect.EventInstalled, []byte(strings.ReplaceAll(body, "MARK", mark)))
		return err
	}
	_, unsigned := connect.Signer{AppKey: mark, ClientKey: "x"}.Sign("GET", target)
	_, unnamed := connect.Signer{AppKey: mark, Secret: redact.New(mark)}.Sign("GET", target)
	_, webhook := connect.ParseWebhook("x"+mark, []byte(`{"event":"`+mark+`","data":{}}`))
	return map[string]error{
		"garbage":         verify(installedRequest(mark)),
		"scheme":          verify(connect.Request{Method: "POST", RawPath: "/" + mark, Authorization: "Bearer " + mark}),
		"algorithm":       verify(installedRequest(sign(`{"alg":"`+mark+`"}`, claims.json(t), mark))),
		"signature":       verify(token(claims, mark)),
		"unknown tenant":  verify(token(claims.with("iss", "x"+mark), mark)),
		"expired":         verify(token(claims.with("iat", 1).with("exp", 2), "current-"+mark)),
		"hash":            verify(token(claims.with("qsh", mark), "current-"+mark)),
		"sign, no secret": unsigned,
		"sign, no key":    unnamed,
		"body":            installed(`{"MARK"`),
		"body twice":      installed(`{"MARK":1,"MARK":2}`),
		"event type":      installed(`{"eventType":"MARK"}`),
		"client key":      installed(`{"eventType":"installed","key":"MARK","clientKey":["MARK"]}`),
		"principal":       installed(`{"eventType":"installed","key":"MARK","clientKey":"MARK","sharedSecret":"MARK","principal":"MARK"}`),
		"principal uuid":  installed(`{"eventType":"installed","key":"MARK","clientKey":"MARK","sharedSecret":"MARK","principal":{"uuid":"MARK"}}`),
		"webhook":         webhook,
		"other app":       connect.Event{AppKey: mark, ClientKey: mark, SharedSecret: redact.New(mark)}.CheckKeys("x"),
	}
}

func printings(t *testing.T, err error) map[string]string {
	t.Helper()
	printed := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		printed[verb] = fmt.Sprintf(verb, err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).ErrorContext(t.Context(), "refused", "error", err)
	slog.New(slog.NewTextHandler(&log, nil)).ErrorContext(t.Context(), "refused", "error", err)
	printed["slog"] = log.String()
	return printed
}

// An operator sees why, and for which installation, without its name.
func TestAuthErrorForOperators(t *testing.T) {
	t.Parallel()
	claims := bitbucketClaims()
	_, err := newReceiver().receive(installedRequest(sign(bitbucketHeader, claims.json(t), wrongSecret)))
	var refused *connect.AuthError
	if !errors.As(err, &refused) {
		t.Fatal(err)
	}
	if want := hashOf(tenant)[:12]; refused.IssuerHash != want {
		t.Errorf("issuer hash is %q, want %q", refused.IssuerHash, want)
	}

	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).InfoContext(t.Context(), "refused", "error", err)
	var line struct {
		Error struct {
			Reason     string `json:"reason"`
			IssuerHash string `json:"issuer_hash"`
		} `json:"error"`
	}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line.Error.Reason != "bad_signature" || line.Error.IssuerHash != refused.IssuerHash {
		t.Errorf("the log line is %s", log.String())
	}
}

// A token without an issuer has nothing to hash: the hash of nothing would look
// like an installation.
func TestAuthErrorWithoutIssuer(t *testing.T) {
	t.Parallel()
	for _, token := range []string{"garbage", sign(bitbucketHeader, "{}", currentSecret)} {
		_, err := newReceiver().receive(installedRequest(token))
		var refused *connect.AuthError
		if !errors.As(err, &refused) || refused.IssuerHash != "" {
			t.Errorf("%v has issuer hash %q, want none", err, refused.IssuerHash)
		}
	}
}
