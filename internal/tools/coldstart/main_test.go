package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/internal/simulator/lambda"
	"github.com/linkersync/linkersync/shared/connect"
)

// TestTheTableComparesMediansWithTheEmptyHandler, so that one bad start of a noisy
// machine shows nowhere.
func TestTheTableComparesMediansWithTheEmptyHandler(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(binary, make([]byte, 2_000_000), 0o600); err != nil {
		t.Fatal(err)
	}
	times := func(all ...time.Duration) []sample {
		var samples []sample
		for _, d := range all {
			samples = append(samples, sample{toNext: d, first: 2 * time.Millisecond, warm: d / 1000, rss: 3 << 20})
		}
		return samples
	}
	var out strings.Builder
	err := print(&out, []*subject{
		{function: lambda.Function{Name: "empty", Binary: binary}, samples: times(10*time.Millisecond, time.Second, 8*time.Millisecond)},
		{function: lambda.Function{Name: "ours", Binary: binary}, samples: times(15*time.Millisecond, time.Millisecond, 16*time.Millisecond)},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"empty 10.0 ms 1.00 2.00 ms 0.010 ms 1.00 3.0 MiB 2.00 MB 0.00 MB",
		"ours 15.0 ms 1.50 2.00 ms 0.015 ms 1.50 3.0 MiB 2.00 MB 0.00 MB",
	}
	if diff := cmp.Diff(want, got[1:3]); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestSizesAreThoseOfTheBinaryAndOfAZip(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(path, []byte(strings.Repeat("same ", 20_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	binary, zipped, err := sizes(path)
	if err != nil || binary != 100_000 || zipped < 100 || zipped > 2_000 {
		t.Errorf("got %d, %d, %v", binary, zipped, err)
	}
	if _, _, err := sizes(path + ".none"); err == nil {
		t.Error("a missing binary has a size")
	}
}

// TestTheCallbackIsOneThatIsVerified: a refused one would be measured too cheap.
func TestTheCallbackIsOneThatIsVerified(t *testing.T) {
	t.Parallel()
	payload, err := verifiedCallback()
	if err != nil {
		t.Fatal(err)
	}
	var event struct {
		RawPath string
		Headers map[string]string
		Body    string
	}
	if err := json.Unmarshal(payload, &event); err != nil {
		t.Fatal(err)
	}
	claims := jwt.MapClaims{}
	token := strings.TrimPrefix(event.Headers["authorization"], "JWT ")
	if _, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return []byte(secret), nil }); err != nil {
		t.Fatal(err)
	}
	if claims["iss"] != clientKey || claims["qsh"] != connect.QueryStringHash("POST", event.RawPath, "", "") {
		t.Errorf("claims are %v", claims)
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(event.Body), &body); err != nil || body["clientKey"] != clientKey {
		t.Errorf("the body is %v, %v", body, err)
	}
}

func TestHold(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		function    string
		empty, took time.Duration
		over        bool
	}{
		"lifecycle within":      {"lifecycle", 3 * time.Millisecond, 5 * time.Millisecond, false},
		"lifecycle over":        {"lifecycle", 3 * time.Millisecond, 6 * time.Millisecond, true},
		"another within":        {"linkers", 3 * time.Millisecond, 8 * time.Millisecond, false},
		"another over":          {"linkers", 3 * time.Millisecond, 10 * time.Millisecond, true},
		"another over 12 ms":    {"linkers", 8 * time.Millisecond, 13 * time.Millisecond, true},
		"lifecycle, slow alike": {"lifecycle", 10 * time.Millisecond, 13 * time.Millisecond, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			subjects := []*subject{
				{samples: []sample{{toNext: time.Second}, {toNext: test.empty}}},
				{function: lambda.Function{Name: test.function}, samples: []sample{{toNext: test.took}, {toNext: time.Second}}},
			}
			if err := hold(io.Discard, subjects); (err != nil) != test.over {
				t.Errorf("got %v", err)
			}
		})
	}
}
