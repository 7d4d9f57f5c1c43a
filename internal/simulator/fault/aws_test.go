package fault_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linkersync/linkersync/internal/simulator/fault"
)

func TestAWSErrorsSpeakTheProtocolOfTheRequest(t *testing.T) {
	t.Parallel()
	jsonCall := http.Header{"X-Amz-Target": {"secretsmanager.PutSecretValue"}, "Content-Type": {"application/x-amz-json-1.1"}}
	queryCall := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	type answer struct {
		Status                  int
		ContentType, Type, Body string
	}
	for name, test := range map[string]struct {
		effect fault.Effect
		header http.Header
		want   answer
	}{
		"throttled JSON": {fault.Throttle(), jsonCall, answer{
			400, "application/x-amz-json-1.1", "ThrottlingException", `{"__type":"ThrottlingException","message":"Rate exceeded"}`,
		}},
		"throttled query": {fault.Throttle(), queryCall, answer{
			400, "text/xml", "", `<ErrorResponse><Error><Code>ThrottlingException</Code><Message>Rate exceeded</Message></Error></ErrorResponse>`,
		}},
		"throttled S3": {fault.Throttle(), nil, answer{
			503, "application/xml", "", `<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>`,
		}},
		"an error of choice": {fault.AWSError(500, "InternalServiceError", "an <internal> error"), jsonCall, answer{
			500, "application/x-amz-json-1.1", "InternalServiceError", `{"__type":"InternalServiceError","message":"an \u003cinternal\u003e error"}`,
		}},
		"an S3 error of choice": {fault.AWSError(403, "AccessDenied", "a < b"), nil, answer{
			403, "application/xml", "", `<Error><Code>AccessDenied</Code><Message>a &lt; b</Message></Error>`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, fault.Options{})
			s.Add(fault.Any(), fault.Always(), test.effect)
			status, header, body, err := s.call(t, http.MethodPost, "/", test.header)
			if err != nil {
				t.Fatal(err)
			}
			got := answer{status, header.Get("Content-Type"), header.Get("X-Amzn-Errortype"), body}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if s.effects.Load() != 0 {
				t.Error("the refused request took effect")
			}
		})
	}
}
