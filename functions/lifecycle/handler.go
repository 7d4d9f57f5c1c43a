package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/linkersync/linkersync/functions/internal/answer"
	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/shared/connect"
)

// handler is the HTTP edge: it routes, decodes and authorizes. What an authorized
// event does is type lifecycle's business; how an error is answered, package
// answer's.
type handler struct {
	log        *slog.Logger
	appKey     string
	basePath   string
	descriptor []byte
	verifier   connect.Verifier
	appSecret  *appSecretSource
	prover     *prover
	lifecycle  lifecycle
}

// routes are the callbacks. The route fixes the event's type; a body that says
// otherwise is refused.
var routes = map[string]connect.EventType{
	"/installed":   connect.EventInstalled,
	"/uninstalled": connect.EventUninstalled,
	"/enabled":     connect.EventEnabled,
	"/disabled":    connect.EventDisabled,
}

// Handle answers one request of API Gateway (payload 2.0) or a function URL.
func (h *handler) Handle(ctx context.Context, event events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	response, err := h.route(ctx, event)
	if err != nil {
		return answer.Failed(ctx, h.log, err), nil
	}
	return response, nil
}

func (h *handler) route(ctx context.Context, event events.APIGatewayV2HTTPRequest) (response events.APIGatewayV2HTTPResponse, err error) {
	defer startup.Recover(ctx, h.log, &err)
	path, below := strings.CutPrefix(event.RawPath, h.basePath)
	if !below {
		return response, answer.ErrNoRoute
	}
	method := event.RequestContext.HTTP.Method
	eventType, callback := routes[path]
	switch {
	case callback && method == http.MethodPost:
		return answer.Done(), h.callback(ctx, eventType, event)
	case callback:
		return response, answer.ErrMethod
	case path != "" && path != "/" && path != "/"+descriptorFile:
		return response, answer.ErrNoRoute
	case method != http.MethodGet:
		return response, answer.ErrMethod
	}
	return answer.JSON(h.descriptor), nil
}

// callback takes one lifecycle event. Reading the body first costs no more than
// its limit, and tells a malformed event (400) from a forged one (401).
func (h *handler) callback(ctx context.Context, eventType connect.EventType, request events.APIGatewayV2HTTPRequest) error {
	data, err := body(request)
	if err != nil {
		return err
	}
	event, err := connect.ParseEvent(eventType, data)
	if err != nil && !(eventType == connect.EventInstalled && isOnlyWithoutSecret(err)) {
		return err
	}
	if err := event.CheckKeys(h.appKey); err != nil {
		return err
	}
	grant, err := h.authorize(ctx, signed(request), request.RequestContext.RequestID, &event)
	if err != nil {
		return err
	}
	if err := h.lifecycle.take(ctx, grant, event); err != nil {
		return fmt.Errorf("take %s event: %w", eventType, err)
	}
	return nil
}
