package setup

import (
	"context"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/linkersync/linkersync/shared/transport"
)

// watched makes AWS clients tell the option Watch of each attempt.
func (s *Session) watched() []func(*middleware.Stack) error {
	if s.options.Watch == nil {
		return nil
	}
	see := middleware.DeserializeMiddlewareFunc("watch", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		began := time.Now()
		out, metadata, err := next.HandleDeserialize(ctx, in)
		attempt := transport.Attempt{Method: awsmiddleware.GetServiceID(ctx), Path: awsmiddleware.GetOperationName(ctx), Took: time.Since(began)}
		if response, ok := out.RawResponse.(*smithyhttp.Response); ok {
			attempt.Status = response.StatusCode
		} else {
			attempt.Err = err
		}
		s.options.Watch(attempt)
		return out, metadata, err
	})
	return []func(*middleware.Stack) error{func(stack *middleware.Stack) error { return stack.Deserialize.Add(see, middleware.Before) }}
}
