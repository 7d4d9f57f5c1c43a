package lambda

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/linkersync/linkersync/internal/simulator/loopback"
)

// invocation is one payload on its way through an environment.
type invocation struct {
	id, traceID string
	payload     []byte
	// deadline is set when the process takes the invocation.
	deadline time.Time
	// answered gets one answer when everything is decided.
	answered chan answer
	// decided is closed when the process, or its end, decided the outcome.
	decided chan struct{}

	once   sync.Once
	answer answer
}

type answer struct {
	payload []byte
	err     error
}

func newInvocation(payload []byte) *invocation {
	return &invocation{
		id: loopback.UUID(), traceID: traceID(), payload: payload,
		answered: make(chan answer, 1), decided: make(chan struct{}),
	}
}

// decide sets the outcome; only the first call counts.
func (i *invocation) decide(payload []byte, err error) {
	i.once.Do(func() {
		i.answer = answer{payload: payload, err: err}
		close(i.decided)
	})
}

func (i *invocation) isDecided() bool {
	select {
	case <-i.decided:
		return true
	default:
		return false
	}
}

// outcome may be asked after decide.
func (i *invocation) outcome() answer {
	<-i.decided
	return i.answer
}

// traceID is an X-Ray trace header of a request that isn't sampled.
func traceID() string {
	var id [20]byte
	_, _ = rand.Read(id[:])
	random := hex.EncodeToString(id[:])
	return fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0", time.Now().Unix(), random[:24], random[24:])
}
