package cli

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/linkersync/linkersync/action/internal/platform"
)

// redraw is how long a picture stays at least.
const redraw = 100 * time.Millisecond

// progress is a bar on a terminal. It counts what is done, and the calls that were made
// for it, so that something moves while one workspace takes long. Until it begins, and
// after its end, it draws nothing. Safe for concurrent use.
type progress struct {
	mu    sync.Mutex
	bar   *progressbar.ProgressBar
	what  string
	calls int
	drawn time.Time
}

// begin draws on w from now on. A total below 1 is not known. The bar moves when it is
// told to: with an interval for its spinner it would have a goroutine, which draws over
// what is being printed.
func (p *progress) begin(w io.Writer, what string, total int) {
	if total < 1 {
		total = -1
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what, p.bar = what, progressbar.NewOptions(total,
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what), progressbar.OptionSetWidth(20),
		progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(false), progressbar.OptionThrottle(redraw),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetSpinnerChangeInterval(0))
}

// add counts one that is done.
func (p *progress) add() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Add(1) // only a picture
	}
}

// call counts a call.
func (p *progress) call() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if p.bar != nil && time.Since(p.drawn) > redraw {
		p.drawn = time.Now()
		p.bar.Describe(fmt.Sprintf("%s, %s", p.what, platform.Counted(p.calls, "call")))
	}
}

func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish() // only a picture
		p.bar = nil
	}
}

// over takes the bar away while something is written over it.
type over struct {
	io.Writer
	bar *progress
}

// Write implements io.Writer.
func (o over) Write(data []byte) (int, error) {
	o.bar.mu.Lock()
	defer o.bar.mu.Unlock()
	if o.bar.bar != nil {
		_ = o.bar.bar.Clear() // only a picture
	}
	return o.Writer.Write(data)
}
