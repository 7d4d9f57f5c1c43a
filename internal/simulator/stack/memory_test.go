package stack_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/linkersync/linkersync/internal/simulator/stack"
	"github.com/linkersync/linkersync/shared/manifest"
)

// maxResident is what a function of 128 MB may have resident at its peak. The rest is
// for Lambda's own part.
const maxResident = 96 << 20

// testLargest runs the deployed binaries with the largest list of inline values, against
// a workspace that has all values but one.
func testLargest(t *testing.T, binaries string) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("only Linux says how much memory a process has")
	}
	logs := &log{}
	s, err := stack.Start(t.Context(), stack.Options{
		Binaries: binaries, Descriptor: descriptor, AppKey: appKey, Output: logs, Workers: 2, Visibility: time.Hour,
		// As template.yaml sets it for 128 MB.
		Environment: map[string]string{"GOMEMLIMIT": "88MiB"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	if err := s.Seed(); err != nil {
		t.Fatal(err)
	}
	values := make([]string, manifest.MaxValues)
	text := bytes.NewBufferString("version: 1\nlinkers:\n  - key: issues\n    values:\n")
	for i := range values {
		values[i] = fmt.Sprintf("PROJECT-%d", i)
		fmt.Fprintf(text, "      - %s\n", values[i])
	}
	if err := s.Populate(t.Context(), 1, map[string][]string{"issues": values[1:]}); err != nil {
		t.Fatal(err)
	}
	client := s3.NewFromConfig(s.AWS.Config(), func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(stack.Bucket), Key: aws.String("default.yaml"), Body: bytes.NewReader(text.Bytes()),
	}); err != nil {
		t.Fatal(err)
	}
	eventually(t, logs, "the missing value", func() bool {
		in, _ := s.Bitbucket.Installation(stack.ClientKey(appKey, stack.Number(0)))
		return len(in.Values["issues"]) == manifest.MaxValues
	})
	eventually(t, logs, "empty queue", func() bool { return len(s.AWS.Queues.Messages(stack.Queue)) == 0 })
	for _, name := range []string{"dispatch", "linkers"} {
		peak := s.Functions[name].Stats().PeakRSS
		t.Logf("%s: %.1f MiB resident at its peak", name, float64(peak)/(1<<20))
		if peak == 0 || peak > maxResident {
			t.Errorf("%s: %d bytes resident at its peak, want at most %d", name, peak, maxResident)
		}
	}
	noDeadLetters(t, s)
}
