package connect

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// Validate reports all problems at once that make Bitbucket refuse the descriptor, or
// call a URL that this app does not serve.
func (d Descriptor) Validate() error {
	var problems []error
	for _, field := range []struct{ name, value string }{
		{"key", d.Key},
		{"name", d.Name},
		{"description", d.Description},
		{"lifecycle.installed", d.Lifecycle.Installed},
		{"lifecycle.uninstalled", d.Lifecycle.Uninstalled},
	} {
		if field.value == "" {
			problems = append(problems, fmt.Errorf("descriptor: %s is missing", field.name))
		}
	}
	if d.Authentication.Type != "jwt" {
		problems = append(problems, fmt.Errorf(
			"descriptor: authentication.type is %q; without \"jwt\" Bitbucket signs nothing and sends no secret",
			d.Authentication.Type))
	}
	problems = append(problems, checkBaseURL(d.BaseURL))
	problems = append(problems, d.checkCallbacks()...)
	problems = append(problems, d.Modules.check()...)
	return errors.Join(problems...)
}

// checkBaseURL allows plain http on the loopback interface only. Bitbucket itself
// refuses it.
func checkBaseURL(baseURL string) error {
	base, err := url.Parse(baseURL)
	switch {
	case err != nil || base.Host == "":
		return fmt.Errorf("descriptor: baseUrl %q is not an absolute URL", baseURL)
	case base.User != nil || base.RawQuery != "" || base.ForceQuery || base.Fragment != "":
		return fmt.Errorf("descriptor: baseUrl of host %s must have nothing but scheme, host and path", base.Host)
	case base.Scheme != "https" && (base.Scheme != "http" || !isLoopback(base.Hostname())):
		return fmt.Errorf("descriptor: baseUrl %q has to begin with https://", baseURL)
	case strings.HasSuffix(baseURL, "/"):
		return fmt.Errorf("descriptor: baseUrl %q ends in a slash, which breaks Bitbucket's calls; remove it", baseURL)
	}
	return nil
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// checkCallbacks wants every callback below baseUrl: Bitbucket hashes the path below
// it, so no other callback can be verified.
func (d Descriptor) checkCallbacks() []error {
	callbacks := [][2]string{
		{"lifecycle.installed", d.Lifecycle.Installed},
		{"lifecycle.uninstalled", d.Lifecycle.Uninstalled},
		{"lifecycle.enabled", d.Lifecycle.Enabled},
		{"lifecycle.disabled", d.Lifecycle.Disabled},
	}
	for i, webhook := range d.Modules.Webhooks {
		callbacks = append(callbacks, [2]string{fmt.Sprintf("modules.webhooks[%d].url", i), webhook.URL})
	}
	var problems []error
	for _, callback := range callbacks {
		name, target := callback[0], callback[1]
		if target == "" || strings.HasPrefix(target, "/") || strings.HasPrefix(target, d.BaseURL+"/") {
			continue
		}
		problems = append(problems, fmt.Errorf("descriptor: %s %q is neither a path that begins with / nor below baseUrl", name, target))
	}
	return problems
}

func (m Modules) check() []error {
	var problems []error
	var keys []string
	for i, linker := range m.Linkers {
		if linker.Key == "" || linker.Regex == "" || linker.URL == "" {
			problems = append(problems, fmt.Errorf("descriptor: modules.linkers[%d] needs key, regex and url", i))
		}
		if slices.Contains(keys, linker.Key) {
			problems = append(problems, fmt.Errorf("descriptor: modules.linkers[%d] has the key %q of another linker", i, linker.Key))
		}
		keys = append(keys, linker.Key)
	}
	for i, webhook := range m.Webhooks {
		if webhook.Event == "" || webhook.URL == "" {
			problems = append(problems, fmt.Errorf("descriptor: modules.webhooks[%d] needs event and url", i))
		}
	}
	return problems
}
