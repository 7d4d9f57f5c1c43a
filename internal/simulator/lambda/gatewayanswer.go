package lambda

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
)

// gatewayAnswer is payload format 2.0 of an answer. A pointer tells a status code
// that is missing from a wrong one.
type gatewayAnswer struct {
	StatusCode      *int              `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

// writeAnswer turns a function's answer into HTTP. What isn't an object with a
// status code is the body of a 200, even if it isn't JSON: AWS's documentation
// says it must be, and AWS's own test tool found that it needn't.
// Source: https://github.com/aws/aws-lambda-dotnet, Tools/LambdaTestTool-v2, InvokeResponseExtensions.cs
func writeAnswer(w http.ResponseWriter, payload []byte) {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(payload, &fields)
	if fields["statusCode"] == nil {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(payload)
		return
	}
	var answer gatewayAnswer
	if json.Unmarshal(payload, &answer) != nil || answer.StatusCode == nil || *answer.StatusCode < 200 || *answer.StatusCode > 599 {
		reply(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	body := []byte(answer.Body)
	if answer.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(answer.Body)
		if err != nil {
			reply(w, http.StatusInternalServerError, "Internal Server Error")
			return
		}
		body = decoded
	}
	writeHeaders(w.Header(), answer)
	w.WriteHeader(*answer.StatusCode)
	_, _ = w.Write(body)
}

func writeHeaders(header http.Header, answer gatewayAnswer) {
	header.Set("Content-Type", "text/plain; charset=utf-8")
	for name, value := range answer.Headers {
		switch http.CanonicalHeaderKey(name) {
		case "Connection", "Content-Length", "Transfer-Encoding":
			// They belong to the connection, which is the gateway's.
		default:
			header.Set(name, value)
		}
	}
}
