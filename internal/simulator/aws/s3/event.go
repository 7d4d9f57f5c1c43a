package s3

import (
	"fmt"
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
	DeletionType    string      `json:"deletion-type,omitempty"`
}

type eventBucket struct {
	Name string `json:"name"`
}

type eventObject struct {
	Key       string `json:"key"`
	Size      *int   `json:"size,omitempty"`
	ETag      string `json:"etag,omitempty"`
	VersionID string `json:"version-id"`
	Sequencer string `json:"sequencer"`
}

func (s *Service) created(b *bucket, r request, v *version) {
	size := len(v.body)
	s.send(b, "Object Created", detail{
		Object: eventObject{Key: r.key, Size: &size, ETag: strings.Trim(v.etag, `"`), VersionID: v.id},
		Reason: "PutObject",
	})
}

func (s *Service) deleted(b *bucket, r request, marker *version) {
	s.send(b, "Object Deleted", detail{
		Object: eventObject{Key: r.key, VersionID: marker.id}, Reason: "DeleteObject", DeletionType: "Delete Marker Created",
	})
}

func (s *Service) send(b *bucket, detailType string, d detail) {
	if !b.events {
		return
	}
	s.written++
	d.Version, d.Bucket.Name = "0", b.name
	d.Object.Sequencer = fmt.Sprintf("%018X", s.written) // compares as text, like S3's
	d.RequestID, d.Requester, d.SourceIPAddress = "SIMULATED", s.cloud.Account, "127.0.0.1"
	s.emit("aws.s3", detailType, []string{"arn:aws:s3:::" + b.name}, d)
}
