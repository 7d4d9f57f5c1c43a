package installation_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/linkersync/linkersync/shared/installation"
)

// collected is an enumeration: what was yielded by client key, in short.
func collected(t *testing.T, all iter.Seq2[installation.Installation, error]) map[string]string {
	t.Helper()
	found := map[string]string{}
	for in, err := range all {
		if _, twice := found[in.ClientKey]; twice {
			t.Errorf("%q was yielded twice", in.ClientKey)
		}
		if err != nil {
			found[in.ClientKey] = "error: " + err.Error()
			continue
		}
		found[in.ClientKey] = strings.TrimSpace(fmt.Sprintf("%s %s", in.State, in.SharedSecret.Reveal()))
	}
	return found
}

func TestAllFindsTheAppsInstallationsAndNoOthers(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	const count = 23 // more than one batch
	wantSecrets, wantList := map[string]string{}, map[string]string{}
	repeat(count, func(i int, key string) {
		in := must(s.Create(t.Context(), sample(key, "s-"+key), "1"))(t)
		state := installation.Installed
		if i%3 == 0 {
			state = installation.Uninstalled
			in.State = state
			in = must(s.Update(t.Context(), in, "2"))(t)
		}
		wantSecrets[key], wantList[key] = string(state)+" s-"+key, string(state)
	})
	longer := shop{cloud: s.cloud, clock: s.clock, appKey: s.appKey + "2"}.open(nil)
	must(longer.Create(t.Context(), sample("another-app's", "x"), "1"))(t)
	gone := must(s.Create(t.Context(), sample("purged", "x"), "1"))(t)
	gone.State = installation.Uninstalled
	gone = must(s.Update(t.Context(), gone, "2"))(t)
	if err := s.Purge(t.Context(), gone, installation.MinRecovery); err != nil {
		t.Fatal(err)
	}

	only := func(all map[string]string, state installation.State) map[string]string {
		some := map[string]string{}
		for key, value := range all {
			if strings.HasPrefix(value, string(state)) {
				some[key] = value
			}
		}
		return some
	}
	for name, test := range map[string]struct {
		query installation.Query
		want  map[string]string
		calls []string
	}{
		"without secrets":          {installation.Query{}, wantList, []string{"ListSecrets"}},
		"with secrets":             {installation.Query{WithSecrets: true}, wantSecrets, []string{"ListSecrets", "BatchGetSecretValue", "BatchGetSecretValue"}},
		"installed":                {installation.Query{State: installation.Installed}, only(wantList, installation.Installed), []string{"ListSecrets"}},
		"tombstones with secrets":  {installation.Query{State: installation.Uninstalled, WithSecrets: true}, only(wantSecrets, installation.Uninstalled), []string{"ListSecrets", "BatchGetSecretValue", "BatchGetSecretValue"}},
		"a state that nothing has": {installation.Query{State: "other"}, map[string]string{}, []string{"ListSecrets"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fresh := s.open(nil)
			if diff := cmp.Diff(test.want, collected(t, fresh.All(t.Context(), test.query))); diff != "" {
				t.Errorf("installations (-want +got):\n%s", diff)
			}
			// Elsewhere a batch may have old versions, which are then read one by one: see TestContract.
			if s.cloud.simulator != nil {
				wantCalls(t, fresh.line, test.calls...)
			}
		})
	}
}

func TestAllTellsWhatTheListKnows(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	created := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	created = must(s.Update(t.Context(), created, "2"))(t) // so that there is a version before
	for in, err := range s.open(nil).All(t.Context(), installation.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if in.UpdatedAt.IsZero() {
			t.Error("no time of the last change")
		}
		in.UpdatedAt = created.UpdatedAt
		want := installation.Installation{
			AppKey: s.appKey, ClientKey: clientKey, Principal: installation.Principal{UUID: workspace},
			State: installation.Installed, UpdatedAt: created.UpdatedAt, Version: created.Version,
		}
		if diff := cmp.Diff(want, in); diff != "" {
			t.Errorf("listed (-want +got):\n%s", diff)
		}
	}
}

// A fan-out must reach a workspace whose tag was lost.
func TestAnInstallationWithoutAStateTagCountsAsInstalled(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := must(s.Create(t.Context(), sample(clientKey, "s1"), "1"))(t)
	api := s.cloud.client(&line{})
	_, err := api.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(s.name(t, "bare")), SecretString: aws.String("{}")})
	if err != nil {
		t.Fatal(err)
	}
	odd := &secretsmanager.CreateSecretInput{
		Name: aws.String(s.name(t, "odd")), SecretString: aws.String("{}"),
		Tags: []types.Tag{{Key: aws.String(installation.TagState), Value: aws.String("by hand")}},
	}
	if _, err := api.CreateSecret(t.Context(), odd); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{in.ClientKey: "installed", "bare": "installed", "odd": "installed"}
	if diff := cmp.Diff(want, collected(t, s.All(t.Context(), installation.Query{State: installation.Installed}))); diff != "" {
		t.Errorf("installed (-want +got):\n%s", diff)
	}
	for in := range s.All(t.Context(), installation.Query{}) {
		if in.ClientKey == "bare" && in.Principal != (installation.Principal{}) {
			t.Errorf("without a tag the workspace is %+v", in.Principal)
		}
	}
}

func TestAllGoesOnPastAnInstallationThatCantBeRead(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	must(s.Create(t.Context(), sample("before", "s1"), "1"))(t)
	api := s.cloud.client(&line{})
	for name, value := range map[string]string{s.name(t, "damaged"): "canary", installation.NamePrefix(s.appKey) + "By=20hand=3a": "canary"} {
		if _, err := api.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(name), SecretString: aws.String(value)}); err != nil {
			t.Fatal(err)
		}
	}
	must(s.Create(t.Context(), sample("behind", "s2"), "1"))(t)
	got := collected(t, s.All(t.Context(), installation.Query{WithSecrets: true}))
	damaged, byHand := got["damaged"], got[""]
	delete(got, "damaged")
	delete(got, "")
	if diff := cmp.Diff(map[string]string{"before": "installed s1", "behind": "installed s2"}, got); diff != "" {
		t.Errorf("readable installations (-want +got):\n%s", diff)
	}
	if !strings.Contains(damaged, "list installations damaged: the secret's value is not one that linkersync wrote") || strings.Contains(damaged, "canary") {
		t.Errorf("damaged: %q", damaged)
	}
	if !strings.Contains(byHand, "By=20hand=3a") || !strings.Contains(byHand, "no look-up asks for it") {
		t.Errorf("a name made by hand: %q, want it named", byHand)
	}
}

func TestAllStopsWhenTheCallerDoes(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	repeat(45, func(_ int, key string) { must(s.Create(t.Context(), sample(key, "s"), "1"))(t) })
	for _, withSecrets := range []bool{false, true} {
		fresh := s.open(nil)
		for range fresh.All(t.Context(), installation.Query{WithSecrets: withSecrets}) {
			break
		}
		want := []string{"ListSecrets", "BatchGetSecretValue"}[:1]
		if withSecrets {
			want = append(want, "BatchGetSecretValue")
		}
		wantCalls(t, fresh.line, want...)
	}
}

// oddAnswers is Secrets Manager as it may answer and a server doesn't on demand.
type oddAnswers struct {
	installation.SecretsManagerAPI
	list  func(*secretsmanager.ListSecretsInput) (*secretsmanager.ListSecretsOutput, error)
	batch func([]string) (*secretsmanager.BatchGetSecretValueOutput, error)
}

func (o oddAnswers) ListSecrets(_ context.Context, in *secretsmanager.ListSecretsInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error) {
	return o.list(in)
}

func (o oddAnswers) BatchGetSecretValue(_ context.Context, in *secretsmanager.BatchGetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.BatchGetSecretValueOutput, error) {
	return o.batch(in.SecretIdList)
}

func TestAllLeavesNothingOutSilently(t *testing.T) {
	t.Parallel()
	entry := func(key string) types.SecretListEntry {
		return types.SecretListEntry{Name: aws.String("linkersync/app/installation/" + key)}
	}
	api := oddAnswers{
		SecretsManagerAPI: refusing{err: &smithy.GenericAPIError{Code: "ThrottlingException"}},
		list: func(in *secretsmanager.ListSecretsInput) (*secretsmanager.ListSecretsOutput, error) {
			if in.NextToken == nil { // an empty page is no last page
				return &secretsmanager.ListSecretsOutput{NextToken: aws.String("2")}, nil
			}
			return &secretsmanager.ListSecretsOutput{SecretList: []types.SecretListEntry{
				entry("denied"), entry("forgotten"), entry("purged"), entry("deleted"), entry("old"),
			}}, nil
		},
		batch: func(names []string) (*secretsmanager.BatchGetSecretValueOutput, error) {
			refuse := func(i int, code, message string) types.APIErrorType {
				return types.APIErrorType{SecretId: aws.String(names[i]), ErrorCode: aws.String(code), Message: aws.String(message)}
			}
			// An answer about a secret that was not asked for is ignored.
			other := types.APIErrorType{SecretId: aws.String("linkersync/app/installation/other"), ErrorCode: aws.String("AccessDeniedException")}
			return &secretsmanager.BatchGetSecretValueOutput{SecretValues: []types.SecretValueEntry{
				{Name: aws.String("linkersync/app/installation/another")},
				{Name: aws.String(names[4]), SecretString: aws.String("{}"), VersionStages: []string{"AWSPREVIOUS"}},
			}, Errors: []types.APIErrorType{
				other,
				refuse(0, "AccessDeniedException", "User: arn:aws:iam::123456789012:role/x is not authorized"),
				refuse(2, "InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion."),
				refuse(3, "ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
			}}, nil
		},
	}
	store := installation.NewSecretsManager(api, installation.Options{AppKey: "app"})
	got := collected(t, store.All(t.Context(), installation.Query{WithSecrets: true, State: installation.Installed}))
	want := map[string]string{
		"old":       "error: list installations old: throttled by AWS in every attempt (ThrottlingException)", // read by itself
		"denied":    "error: list installations denied: access denied (AccessDeniedException): allow secretsmanager:GetSecretValue on secrets named linkersync/app/installation/*",
		"forgotten": "error: list installations forgotten: Secrets Manager left it out of its answer",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("yielded (-want +got):\n%s", diff)
	}
}

// pagesOf are two pages that are alike but for the one secret that each lists.
func pagesOf(first, second string) func(*secretsmanager.ListSecretsInput) (*secretsmanager.ListSecretsOutput, error) {
	return func(in *secretsmanager.ListSecretsInput) (*secretsmanager.ListSecretsOutput, error) {
		name, next := first, aws.String("2")
		if in.NextToken != nil {
			name, next = second, nil
		}
		return &secretsmanager.ListSecretsOutput{NextToken: next, SecretList: []types.SecretListEntry{{Name: aws.String("linkersync/app/installation/" + name)}}}, nil
	}
}

// Whatever the caller leaves at: a range function that goes on after this panics.
func TestAllStopsOnEveryPage(t *testing.T) {
	t.Parallel()
	const byHand = "By=20hand=3a"
	unanswered := func([]string) (*secretsmanager.BatchGetSecretValueOutput, error) {
		return &secretsmanager.BatchGetSecretValueOutput{}, nil
	}
	refused := func(names []string) (*secretsmanager.BatchGetSecretValueOutput, error) {
		return &secretsmanager.BatchGetSecretValueOutput{Errors: []types.APIErrorType{{SecretId: aws.String(names[0]), ErrorCode: aws.String("AccessDeniedException")}}}, nil
	}
	damaged := func(names []string) (*secretsmanager.BatchGetSecretValueOutput, error) {
		return &secretsmanager.BatchGetSecretValueOutput{SecretValues: []types.SecretValueEntry{{Name: aws.String(names[0]), VersionStages: []string{"AWSCURRENT"}}}}, nil
	}
	for name, test := range map[string]struct {
		api         oddAnswers
		withSecrets bool
	}{
		"without secrets":      {oddAnswers{list: pagesOf("a", "b")}, false},
		"made by hand":         {oddAnswers{list: pagesOf(byHand, byHand)}, false},
		"made by hand, asked":  {oddAnswers{list: pagesOf(byHand, byHand)}, true}, // and no empty batch
		"left out by AWS":      {oddAnswers{list: pagesOf("a", "b"), batch: unanswered}, true},
		"refused by AWS":       {oddAnswers{list: pagesOf("a", "b"), batch: refused}, true},
		"damaged":              {oddAnswers{list: pagesOf("a", "b"), batch: damaged}, true},
		"by hand, then a page": {oddAnswers{list: pagesOf(byHand, "b"), batch: unanswered}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := installation.NewSecretsManager(test.api, installation.Options{AppKey: "app"})
			for stop := 1; stop <= 3; stop++ {
				yielded := 0
				for range store.All(t.Context(), installation.Query{WithSecrets: test.withSecrets}) {
					if yielded++; yielded == stop {
						break
					}
				}
				if want := min(stop, 2); yielded != want {
					t.Errorf("stop after %d: yielded %d, want %d", stop, yielded, want)
				}
			}
		})
	}
}

func TestAllEndsWhenListingFails(t *testing.T) {
	t.Parallel()
	throttled := &smithy.GenericAPIError{Code: "ThrottlingException"}
	endless := func(*secretsmanager.ListSecretsInput) (*secretsmanager.ListSecretsOutput, error) {
		return &secretsmanager.ListSecretsOutput{NextToken: aws.String("same")}, nil
	}
	one := func(*secretsmanager.ListSecretsInput) (*secretsmanager.ListSecretsOutput, error) {
		return &secretsmanager.ListSecretsOutput{SecretList: []types.SecretListEntry{{Name: aws.String("linkersync/app/installation/a")}}}, nil
	}
	for name, test := range map[string]struct {
		api  oddAnswers
		want string
	}{
		"a refused list": {oddAnswers{list: func(*secretsmanager.ListSecretsInput) (*secretsmanager.ListSecretsOutput, error) {
			return nil, throttled
		}}, "list installations: throttled by AWS in every attempt (ThrottlingException)"},
		"an endless list": {oddAnswers{list: endless}, "list installations: Secrets Manager returned the same page twice"},
		"a refused batch": {
			oddAnswers{list: one, batch: func([]string) (*secretsmanager.BatchGetSecretValueOutput, error) { return nil, throttled }},
			"list installations: throttled by AWS in every attempt (ThrottlingException)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := installation.NewSecretsManager(test.api, installation.Options{AppKey: "app"})
			var failures []error
			for _, err := range store.All(t.Context(), installation.Query{WithSecrets: true}) {
				failures = append(failures, err)
			}
			if len(failures) != 1 || !errors.Is(failures[0], installation.ErrUnavailable) || failures[0].Error() != test.want {
				t.Errorf("yielded %v, want one ErrUnavailable: %s", failures, test.want)
			}
		})
	}
}
