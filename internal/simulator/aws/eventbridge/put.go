package eventbridge

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
)

const (
	maxEntries = 10
	// maxRequest bounds the entries of one call, in bytes. AWS has raised it to
	// 1 MB; the old limit still holds for many targets.
	maxRequest = 256 << 10
	// maxDetailType is in characters. EventBridge takes longer ones and drops the
	// event without a word; here they are refused.
	maxDetailType = 128
)

type entry struct {
	Source       string
	DetailType   string
	Detail       string
	EventBusName string
	Resources    []string
	Time         *float64 // seconds since 1970
}

// size is what counts against the limit.
// Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size
func (e entry) size() int {
	size := len(e.Source) + len(e.DetailType) + len(e.Detail)
	if e.Time != nil {
		size += 14
	}
	for _, resource := range e.Resources {
		size += len(resource)
	}
	return size
}

type putInput struct {
	Entries []entry
}

type putOutput struct {
	FailedEntryCount int      `json:"FailedEntryCount"`
	Entries          []result `json:"Entries"`
}

// result has either an id or an error.
type result struct {
	EventID      string `json:"EventId,omitempty"`
	ErrorCode    string `json:"ErrorCode,omitempty"`
	ErrorMessage string `json:"ErrorMessage,omitempty"`
}

func (s *Service) putEvents(_ context.Context, in putInput) (*putOutput, error) {
	if len(in.Entries) == 0 || len(in.Entries) > maxEntries {
		return nil, wire.Refuse("ValidationException", "1 validation error detected: 'entries' must have between 1 and %d members", maxEntries)
	}
	total := 0
	for _, entry := range in.Entries {
		total += entry.size()
	}
	if total > maxRequest {
		return nil, wire.Refuse("ValidationException", "Total size of the entries in the request is over the limit.")
	}
	out := &putOutput{Entries: make([]result, len(in.Entries))}
	for i, entry := range in.Entries {
		if code, message := entry.problem(); code != "" {
			out.FailedEntryCount++
			out.Entries[i] = result{ErrorCode: code, ErrorMessage: message}
			continue
		}
		event := s.event(entry.Source, entry.DetailType, entry.Resources, []byte(entry.Detail), entry.at(s.cloud.Now()))
		s.publish(entry.bus(), event)
		out.Entries[i].EventID = event.ID
	}
	return out, nil
}

// problem returns the code and message with which one entry fails, or "".
func (e entry) problem() (code, message string) {
	switch {
	case e.Source == "":
		return "InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."
	case e.DetailType == "":
		return "InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType is a required argument."
	case utf8.RuneCountInString(e.DetailType) > maxDetailType:
		return "InvalidArgument", "Parameter DetailType is not valid. Reason: it is longer than 128 characters."
	case e.Detail == "":
		return "InvalidArgument", "Parameter Detail is not valid. Reason: Detail is a required argument."
	case strings.HasPrefix(e.Source, "aws."):
		return "NotAuthorizedForSourceException", "Not authorized for the source."
	case !json.Valid([]byte(e.Detail)) || !bytes.HasPrefix(bytes.TrimSpace([]byte(e.Detail)), []byte("{")):
		return "MalformedDetail", "Detail is malformed."
	}
	return "", ""
}

// bus is the name of the bus, which may be given as an ARN.
func (e entry) bus() string {
	if e.EventBusName == "" {
		return DefaultBus
	}
	if _, name, ok := strings.Cut(e.EventBusName, ":event-bus/"); ok {
		return name
	}
	return e.EventBusName
}

func (e entry) at(now time.Time) time.Time {
	if e.Time == nil {
		return now
	}
	return time.UnixMilli(int64(*e.Time * 1000))
}
