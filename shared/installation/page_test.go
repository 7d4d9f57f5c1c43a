package installation_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/linkersync/linkersync/shared/awsenv"
	"github.com/linkersync/linkersync/shared/installation"
)

func TestListGoesOnInAnotherProcess(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	const count = 103 // more than one page
	repeat(count, func(_ int, key string) { must(s.Create(t.Context(), sample(key, "s"), "1"))(t) })
	byHand := installation.NamePrefix(s.appKey) + "By=20hand=3a"
	if _, err := s.cloud.client(&line{}).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(byHand), SecretString: aws.String("x")}); err != nil {
		t.Fatal(err)
	}
	found, cursor := map[string]bool{}, ""
	for pages := 1; ; pages++ {
		page, next, err := s.open(nil).List(t.Context(), cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range page {
			if found[in.ClientKey] || in.State != installation.Installed || in.Version == "" || !in.SharedSecret.IsZero() {
				t.Errorf("listed %+v", in)
			}
			found[in.ClientKey] = true
		}
		if next == "" {
			if pages != 2 || len(found) != count {
				t.Errorf("%d installations on %d pages, want %d on 2", len(found), pages, count)
			}
			return
		}
		cursor = next
	}
}

func TestListTellsAnOldCursorFromAnOutage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer error
		want   error
	}{
		"an old cursor": {&types.InvalidNextTokenException{Message: aws.String("expired")}, installation.ErrCursor},
		"throttled":     {&smithy.GenericAPIError{Code: "ThrottlingException"}, awsenv.ErrThrottled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := oddAnswers{list: func(in *secretsmanager.ListSecretsInput) (*secretsmanager.ListSecretsOutput, error) {
				if aws.ToString(in.NextToken) != "old" {
					t.Errorf("asked with cursor %q", aws.ToString(in.NextToken))
				}
				return nil, test.answer
			}}
			_, _, err := installation.NewSecretsManager(api, installation.Options{AppKey: "app"}).List(t.Context(), "old")
			if !errors.Is(err, test.want) || errors.Is(err, installation.ErrCursor) != errors.Is(test.want, installation.ErrCursor) {
				t.Errorf("List = %v, want %v", err, test.want)
			}
		})
	}
}

func TestEnumeratingWithoutAnAppKey(t *testing.T) {
	t.Parallel()
	store := installation.NewSecretsManager(oddAnswers{}, installation.Options{})
	var failures []error
	for _, err := range store.All(t.Context(), installation.Query{}) {
		failures = append(failures, err)
	}
	_, _, err := store.List(t.Context(), "")
	failures = append(failures, err)
	if len(failures) != 2 || slices.ContainsFunc(failures, func(err error) bool { return !errors.Is(err, installation.ErrInvalid) }) {
		t.Errorf("All and List failed with %v, want one ErrInvalid each", failures)
	}
}
