package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/linkersync/linkersync/functions/internal/answer"
	"github.com/linkersync/linkersync/functions/internal/startup"
	"github.com/linkersync/linkersync/shared/connect"
	"github.com/linkersync/linkersync/shared/installation"
	"github.com/linkersync/linkersync/shared/queue"
)

const (
	// callbackTime is for one callback. Bitbucket gives its webhooks ten seconds; an
	// install that is stored after that is one that Bitbucket takes for failed.
	callbackTime = 9 * time.Second
	// maxDecisions bounds how often an event is decided anew after it lost a race.
	// One installation rarely has more than two events at a time.
	maxDecisions = 4
)

// handler is the HTTP edge: it routes and decodes. Type authorizer decides
// which events may change the store, type lifecycle applies them, and package
// answer turns errors into answers.
type handler struct {
	log        *slog.Logger
	basePath   string
	descriptor served
	authorizer authorizer
	lifecycle  lifecycle
}

// newHandler builds the clients; they dial on their first use.
func newHandler(s settings, log *slog.Logger) *handler {
	secrets := secretsmanager.NewFromConfig(s.aws)
	store := installation.NewSecretsManager(secrets, installation.Options{AppKey: s.appKey, KMSKeyID: s.kmsKeyID, Now: s.now})
	prover := newProver(s)
	return &handler{
		log: log, basePath: s.base.Path, descriptor: s.descriptor,
		authorizer: authorizer{
			verifier:  connect.Verifier{AppKey: s.appKey, BasePath: s.base.Path, Now: s.now},
			store:     store,
			appSecret: newAppSecretSource(s.appSecret, secrets, s.now),
			prover:    prover,
			allowed:   s.allowed,
		},
		lifecycle: lifecycle{
			store: store, prover: prover, log: log,
			firstSync: firstSync{queue: queue.Queue{SQS: sqs.NewFromConfig(s.aws), URL: s.queueURL}, now: s.now},
		},
	}
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
	eventType, callback := h.descriptor.callbacks[path]
	switch {
	case callback && method == http.MethodPost:
		return answer.Done(), h.callback(ctx, eventType, event)
	case callback:
		return response, answer.ErrWantPOST
	case path != "" && path != "/" && path != "/"+descriptorFile:
		return response, answer.ErrNoRoute
	case method != http.MethodGet:
		return response, answer.ErrWantGET
	}
	return answer.JSON(h.descriptor.body), nil
}

// callback authorizes and applies one lifecycle event.
func (h *handler) callback(ctx context.Context, eventType connect.EventType, request events.APIGatewayV2HTTPRequest) error {
	data, err := body(request)
	if err != nil {
		return err
	}
	sent := callback{eventType: eventType, request: signed(request), body: data, requestID: request.RequestContext.RequestID}
	ctx, cancel := context.WithTimeout(ctx, callbackTime)
	defer cancel()
	for range maxDecisions {
		var by authorization
		if by, err = h.authorizer.authorize(ctx, sent); err != nil {
			return err
		}
		if err = h.lifecycle.apply(ctx, by); !errors.Is(err, installation.ErrConflict) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("apply %s event: %w", eventType, err)
	}
	return nil
}
