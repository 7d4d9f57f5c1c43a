// Package eventbridge simulates the event buses of Amazon EventBridge: events
// come in by PutEvents, or from a simulated service, and go to Go functions by
// rules with event patterns ([Service.On]).
//
// It has no targets of its own, no retries and no archive; who wants those puts
// them into the function.
// Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/Welcome.html
package eventbridge

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/aws/wire"
	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

// DefaultBus is the bus that every account has, and that AWS's services use.
const DefaultBus = "default"

// Event is an event as targets get it.
// Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
type Event struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       time.Time       `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// Target receives the events that match a rule, each on a goroutine of its own.
// ctx ends when the server is closed.
type Target func(ctx context.Context, event Event)

// Service holds the buses of one account and region. It is safe for concurrent use.
type Service struct {
	cloud wire.Cloud
	// ctx is the lifetime of deliveries, which outlive the call that caused them.
	ctx  context.Context
	stop context.CancelFunc

	mu    sync.Mutex
	buses map[string][]*rule
	lost  int
	// deliveries counts those under way; idle is signalled when there are none.
	deliveries int
	idle       *sync.Cond
}

type rule struct {
	pattern pattern
	target  Target
}

// New returns a service with the default bus.
func New(cloud wire.Cloud) *Service {
	s := &Service{cloud: cloud, buses: map[string][]*rule{DefaultBus: nil}}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.idle = sync.NewCond(&s.mu)
	return s
}

// Close ends the context of all deliveries and waits for them.
func (s *Service) Close() {
	s.stop()
	s.Wait()
}

// API returns the service behind its protocol.
func (s *Service) API() *wire.JSON {
	return &wire.JSON{
		Signing: "events", Prefix: "AWSEvents", Version: "1.1",
		Operations: map[string]wire.Operation{
			"CreateEventBus": wire.Operate(s.createEventBus),
			"PutEvents":      wire.Operate(s.putEvents),
		},
	}
}

// On adds a rule to a bus, which is created when it isn't there: every event
// that matches eventPattern (JSON, as in template.yaml) goes to target. An error
// means a pattern that EventBridge would refuse, or that isn't simulated.
// remove ends the rule.
func (s *Service) On(bus, eventPattern string, target Target) (remove func(), err error) {
	parsed, err := parsePattern([]byte(eventPattern))
	if err != nil {
		return nil, err
	}
	added := &rule{parsed, target}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buses[bus] = append(s.buses[bus], added)
	return func() { s.remove(bus, added) }, nil
}

func (s *Service) remove(bus string, gone *rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var left []*rule
	for _, rule := range s.buses[bus] {
		if rule != gone {
			left = append(left, rule)
		}
	}
	s.buses[bus] = left
}

// Emit puts an event on the default bus in the name of an AWS service, which
// PutEvents refuses to do.
func (s *Service) Emit(source, detailType string, resources []string, detail any) {
	encoded, err := json.Marshal(detail)
	if err != nil {
		panic(err) // the simulated services' own types
	}
	s.publish(DefaultBus, s.event(source, detailType, resources, encoded, s.cloud.Now()))
}

// Wait returns when no delivery is under way, those included that the targets
// have caused meanwhile.
func (s *Service) Wait() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.deliveries > 0 {
		s.idle.Wait()
	}
}

// Lost returns how many events were put on a bus that doesn't exist. EventBridge
// takes those without an error, so tests have to look.
func (s *Service) Lost() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

func (s *Service) event(source, detailType string, resources []string, detail []byte, at time.Time) Event {
	if resources == nil {
		resources = []string{} // targets get an empty list, never null
	}
	return Event{
		Version: "0", ID: loopback.UUID(), DetailType: detailType, Source: source, Account: s.cloud.Account,
		Time: at.UTC().Truncate(time.Second), Region: s.cloud.Region, Resources: resources, Detail: detail,
	}
}

// publish delivers an event to the rules of a bus that match it.
func (s *Service) publish(bus string, event Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rules, ok := s.buses[bus]
	if !ok {
		s.lost++
		return
	}
	for _, rule := range rules {
		if !rule.pattern.matches(event) {
			continue
		}
		s.deliveries++
		go func() {
			defer s.delivered()
			rule.target(s.ctx, event)
		}()
	}
}

func (s *Service) delivered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliveries--
	if s.deliveries == 0 {
		s.idle.Broadcast()
	}
}

type createInput struct {
	Name string
}

type createOutput struct {
	EventBusARN string `json:"EventBusArn"`
}

var busName = regexp.MustCompile(`^[/.\-_A-Za-z0-9]{1,256}$`)

func (s *Service) createEventBus(_ context.Context, in createInput) (*createOutput, error) {
	if !busName.MatchString(in.Name) || strings.HasPrefix(in.Name, "aws.") {
		return nil, wire.Refuse("ValidationException", "1 validation error detected: Value '%s' at 'name' failed to satisfy constraint", in.Name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.buses[in.Name]; ok {
		return nil, wire.Refuse("ResourceAlreadyExistsException", "Event bus %s already exists.", in.Name)
	}
	s.buses[in.Name] = nil
	return &createOutput{s.cloud.ARN("events", "event-bus/"+in.Name)}, nil
}
