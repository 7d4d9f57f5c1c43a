package bitbucket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// ErrIncomplete is returned when the app answered an install with anything but 200
// or 204. Bitbucket then marks the installation as incomplete, and so does this server.
var ErrIncomplete = errors.New("the app refused the callback")

// Install is a person's click on "Grant access" in a workspace.
type Install struct {
	AppKey    string
	Principal Principal
	// BaseURL is where the app answers; empty means the descriptor's baseUrl.
	BaseURL string
	// ClientKey is made from the principal and the app when empty.
	ClientKey string
	// SharedSecret is what the app is offered. Empty means the app's for a
	// registered app, and a fresh one otherwise.
	SharedSecret string
}

// Delivery is one callback that was sent, and the app's answer to it.
type Delivery struct {
	// Event is installed or uninstalled.
	Event     string
	ClientKey string
	URL       string
	Body      []byte
	// Authorization is the header's value; empty means that the callback was unsigned.
	Authorization string
	// Status and Answer are the app's; Answer is cut at 64 KiB.
	Status int
	Answer []byte
}

// Install installs the app as Bitbucket does: it offers a shared secret in an
// `installed` callback and is done when the app has answered. While the callback is
// under way the offered secret works, so that the app can prove it. When the
// installation was there before, in whatever state, the callback is signed with its
// last secret; the very first one is unsigned, unless the app is registered.
//
// An error is ErrIncomplete, or of the connection; either way nothing has changed.
// Source: https://developer.atlassian.com/cloud/bitbucket/authentication-for-apps/
func (s *Server) Install(ctx context.Context, request Install) (Delivery, error) {
	offer, err := s.offer(request)
	if err != nil {
		return Delivery{}, fmt.Errorf("install %s: %w", request.AppKey, err)
	}
	delivery := offer.delivery
	err = s.send(ctx, &delivery)
	if err == nil && delivery.Status != http.StatusOK && delivery.Status != http.StatusNoContent {
		err = fmt.Errorf("install %s: %w with status %d", delivery.ClientKey, ErrIncomplete, delivery.Status)
	}
	s.finish(offer, err == nil)
	return delivery, err
}

// offer is an install under way.
type offer struct {
	delivery Delivery
	// before is what to go back to; nil for a first install.
	before *installation
	secret string
}

// offer puts the installation into the state in which it waits for the app's answer.
func (s *Server) offer(request Install) (offer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	app := s.apps[request.AppKey]
	if app == nil {
		return offer{}, errors.New("unknown app")
	}
	next := newInstallation(app, &Installation{
		ClientKey: request.ClientKey, SharedSecret: request.SharedSecret,
		Principal: request.Principal, BaseURL: request.BaseURL, Status: Pending,
	})
	next.offered, next.secret = next.secret, ""
	before := s.installations[next.clientKey]
	if before != nil {
		next.secret = before.secret
		if before.status == Installed {
			next.status, next.descriptor, next.descriptorURL = Installed, before.descriptor, before.descriptorURL
			next.linkers = before.linkers
		}
	}
	delivery, err := s.callback(next, "installed")
	if err != nil {
		return offer{}, err
	}
	s.installations[next.clientKey] = next
	return offer{delivery: delivery, before: before, secret: next.offered}, nil
}

// finish ends an install: the offered secret counts from now on, or never did.
func (s *Server) finish(o offer, accepted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.installations[o.delivery.ClientKey]
	switch {
	case in == nil: // reset meanwhile
	case accepted:
		in.secret, in.offered, in.status = o.secret, "", Installed
	case o.before == nil:
		delete(s.installations, in.clientKey)
	default:
		s.installations[in.clientKey] = o.before
	}
}

// Uninstall removes the app from the workspace and tells it so. The answer changes
// nothing: the app is gone whether it understood or not. The secret stays, because the
// next install is signed with it.
func (s *Server) Uninstall(ctx context.Context, clientKey string) (Delivery, error) {
	delivery, err := s.notification(clientKey, "uninstalled")
	if err == nil {
		err = s.send(ctx, &delivery)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if in := s.installations[clientKey]; in != nil {
		in.uninstall()
	}
	return delivery, err
}

func (s *Server) notification(clientKey, event string) (Delivery, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	in := s.installations[clientKey]
	if in == nil {
		return Delivery{}, fmt.Errorf("deliver %s: unknown installation %s", event, clientKey)
	}
	return s.callback(in, event)
}

// Redeliver sends the same callback again, byte for byte, token included.
func (s *Server) Redeliver(ctx context.Context, earlier Delivery) (Delivery, error) {
	again := earlier
	err := s.send(ctx, &again)
	return again, err
}

func (in *installation) uninstall() {
	in.status, in.offered, in.linkers = Uninstalled, "", nil
}
