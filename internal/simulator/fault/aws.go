package fault

import (
	"encoding/json"
	"encoding/xml"
	"mime"
	"net/http"
)

// AWSError answers as AWS does when it refuses: status and code in the wire form
// of the request's protocol, which is JSON for the services that name their
// operation in X-Amz-Target, the query protocol's XML for a form, and S3's XML else.
// Source: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization
func AWSError(status int, code, message string) Effect {
	return Effect{func(_ *Injector, _ http.Handler, w http.ResponseWriter, r *http.Request) {
		writeAWSError(w, r, status, code, message)
	}}
}

// Throttle answers as AWS does to a caller that is over its rate: a 400
// ThrottlingException, or S3's 503 SlowDown.
func Throttle() Effect {
	return Effect{func(_ *Injector, _ http.Handler, w http.ResponseWriter, r *http.Request) {
		if protocol(r) == s3Protocol {
			writeAWSError(w, r, http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
			return
		}
		writeAWSError(w, r, http.StatusBadRequest, "ThrottlingException", "Rate exceeded")
	}}
}

const (
	jsonProtocol = iota
	queryProtocol
	s3Protocol
)

func protocol(r *http.Request) int {
	if r.Header.Get("X-Amz-Target") != "" {
		return jsonProtocol
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && media == "application/x-www-form-urlencoded" {
		return queryProtocol
	}
	return s3Protocol
}

func writeAWSError(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	type content struct {
		Code    string
		Message string
	}
	var body []byte
	var err error
	switch protocol(r) {
	case jsonProtocol:
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		w.Header().Set("X-Amzn-Errortype", code)
		body, err = json.Marshal(map[string]string{"__type": code, "message": message})
	case queryProtocol:
		w.Header().Set("Content-Type", "text/xml")
		body, err = xml.Marshal(struct {
			XMLName xml.Name `xml:"ErrorResponse"`
			Error   content
		}{Error: content{code, message}})
	default:
		w.Header().Set("Content-Type", "application/xml")
		body, err = xml.Marshal(struct {
			XMLName xml.Name `xml:"Error"`
			content
		}{content: content{code, message}})
	}
	if err != nil {
		panic(err) // two strings always encode
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
