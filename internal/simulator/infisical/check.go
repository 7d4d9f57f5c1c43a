package infisical

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"time"
)

// checkAttempts is one call and three retries.
const checkAttempts = 4

// maxUser bounds what is read of Bitbucket's answer.
const maxUser = 1 << 20

func newCheckClient() *http.Client {
	return &http.Client{
		Timeout:       30 * time.Second,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// checkCredentials tries the credentials against Bitbucket. An outage or a limit
// there is retried for a while, and then looks just like bad credentials: a 400.
func (s *Server) checkCredentials(ctx context.Context, c *credentials) *refusal {
	var problem string
	for attempt := 1; attempt <= checkAttempts; attempt++ {
		status, err := s.getUser(ctx, c)
		if err == nil && status < http.StatusMultipleChoices {
			return nil
		}
		problem = fmt.Sprintf("Request failed with status code %d", status)
		if err != nil {
			problem = networkProblem(err)
		}
		retry := err != nil || status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
		if !retry || attempt == checkAttempts {
			break
		}
		if s.sleep(ctx, 100*time.Millisecond<<attempt) != nil {
			break
		}
	}
	return badRequest("Failed to validate credentials: %s", problem)
}

func (s *Server) getUser(ctx context.Context, c *credentials) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.bitbucketURL+"/2.0/user", nil)
	if err != nil {
		return 0, err
	}
	basic := base64.StdEncoding.EncodeToString([]byte(c.email + ":" + c.apiToken))
	request.Header.Set("Authorization", "Basic "+basic)
	request.Header.Set("Accept", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, maxUser))
	return response.StatusCode, err
}

// networkProblem names an error as the server's HTTP client does.
func networkProblem(err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connect ECONNREFUSED"
	case errors.Is(err, syscall.ECONNRESET):
		return "read ECONNRESET"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "aborted"
	case errors.Is(err, io.EOF):
		return "socket hang up"
	default:
		return "Unknown error"
	}
}
