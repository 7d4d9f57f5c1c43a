package s3

import (
	"fmt"
	"net/http"
	"strings"
)

// detail is the detail of S3's events on EventBridge.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
type detail struct {
	Version         string      `json:"version"`
	Bucket          eventBucket `json:"bucket"`
	Object          eventObject `json:"object"`
	RequestID       string      `json:"request-id"`
	Requester       string      `json:"requester"`
	SourceIPAddress string      `json:"source-ip-address"`
	Reason          string      `json:"reason"`
}

type eventBucket struct {
	Name string `json:"name"`
}

type eventObject struct {
	Key       string `json:"key"`
	Size      int    `json:"size"`
	ETag      string `json:"etag"`
	VersionID string `json:"version-id"`
	Sequencer string `json:"sequencer"`
}

// announce sends the event of a write that succeeded. header is the answer's.
func (s *Service) announce(operation string, r *http.Request, header http.Header, size int) {
	bucket, key := address(r)
	d := detail{
		Version: "0", Bucket: eventBucket{bucket}, RequestID: "SIMULATED", Requester: s.cloud.Account, SourceIPAddress: "127.0.0.1",
		Reason: operation,
		Object: eventObject{Key: key, VersionID: header.Get("X-Amz-Version-Id")},
	}
	if operation != "PutObject" {
		return
	}
	d.Object.Size, d.Object.ETag = size, strings.Trim(header.Get("ETag"), `"`)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.events[bucket] {
		return
	}
	s.written++
	d.Object.Sequencer = fmt.Sprintf("%018X", s.written) // compares as text, like S3's
	s.emit("aws.s3", "Object Created", []string{"arn:aws:s3:::" + bucket}, d)
}
