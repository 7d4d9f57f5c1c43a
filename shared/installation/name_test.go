package installation_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/linkersync/linkersync/internal/parts"
	"github.com/linkersync/linkersync/shared/installation"
)

// What Secrets Manager takes as a name.
var allowedName = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`)

func TestNamesAreReadable(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ appKey, clientKey, want string }{
		"a workspace": {
			"example-linker-app", "ari:cloud:bitbucket::app/{11111111-2222-4333-8444-555555555555}/example-linker-app",
			"linkersync/example-linker-app/installation/ari=3Acloud=3Abitbucket=3A=3Aapp/=7B11111111-2222-4333-8444-555555555555=7D/example-linker-app",
		},
		"an old installation":            {"app", "connection:479", "linkersync/app/installation/connection=3A479"},
		"the escape sign":                {"app", "a=b=3A", "linkersync/app/installation/a=3Db=3D3A"},
		"a slash in the app key":         {"a/installation/b", "c", "linkersync/a=2Finstallation=2Fb/installation/c"},
		"an end like that of an ARN":     {"app", "x/my-linker", "linkersync/app/installation/x/my=2Dlinker"},
		"an end with another sign":       {"app", "x/my-lin.er", "linkersync/app/installation/x/my-lin.er"},
		"an end longer than that":        {"app", "x/my-linkers", "linkersync/app/installation/x/my-linkers"},
		"an end with an escape in it":    {"app", "a-12:45", "linkersync/app/installation/a-12=3A45"},
		"a hyphen and six at the start":  {"app", "-abcdef", "linkersync/app/installation/=2Dabcdef"},
		"every plain sign":               {"app", "azAZ09-._@+/", "linkersync/app/installation/azAZ09-._@+/"},
		"control, space and not ASCII":   {"app", "\x00 ü\xff", "linkersync/app/installation/=00=20=C3=BC=FF"},
		"short keys":                     {"a", "b", "linkersync/a/installation/b"},
		"a client key with slashes only": {"a", "//", "linkersync/a/installation///"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := installation.EncodeName(test.appKey, test.clientKey)
			if err != nil || got != test.want {
				t.Fatalf("EncodeName = %q, %v; want %q", got, err, test.want)
			}
			back, err := installation.DecodeName(test.appKey, got)
			if err != nil || back != test.clientKey {
				t.Errorf("DecodeName = %q, %v; want %q", back, err, test.clientKey)
			}
		})
	}
}

func TestIsName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"linkersync/app/installation/c": true, "linkersync/app": false, "mine/app/installation/c": false, "": false,
	} {
		if got := installation.IsName(name); got != want {
			t.Errorf("IsName(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestKeysWithoutANameAreRefused(t *testing.T) {
	t.Parallel()
	prefix := len(installation.NamePrefix("app"))
	for name, test := range map[string]struct {
		appKey, clientKey string
		refused           bool
	}{
		"no app key":           {"", "c", true},
		"no client key":        {"app", "", true},
		"the longest":          {"app", strings.Repeat("c", 512-prefix), false},
		"one longer":           {"app", strings.Repeat("c", 513-prefix), true},
		"the longest escaped":  {"app", strings.Repeat(":", (512-prefix)/3), false},
		"one longer escaped":   {"app", strings.Repeat(":", (512-prefix)/3+1), true},
		"a token full of junk": {"app", strings.Repeat("c", 1<<20), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := installation.EncodeName(test.appKey, test.clientKey)
			if got := errors.Is(err, installation.ErrName); got != test.refused {
				t.Errorf("error %v, want refused %v", err, test.refused)
			}
			if err != nil && len(err.Error()) > 200 {
				t.Errorf("the error repeats the key: %d bytes", len(err.Error()))
			}
		})
	}
}

func TestForeignNamesAreNotDecoded(t *testing.T) {
	t.Parallel()
	for name, secret := range map[string]string{
		"another app":              "linkersync/other/installation/c",
		"an app with our prefix":   "linkersync/app2/installation/c",
		"another kind":             "linkersync/app/app-secret",
		"nothing after the prefix": "linkersync/app/installation/",
		"a needless escape":        "linkersync/app/installation/=61",
		"lower-case digits":        "linkersync/app/installation/a=3ab",
		"a cut escape":             "linkersync/app/installation/a=3",
		"a bare escape sign":       "linkersync/app/installation/a=",
		"no digits":                "linkersync/app/installation/a=GG",
		"an unescaped colon":       "linkersync/app/installation/a:b",
		"an unescaped ARN end":     "linkersync/app/installation/my-linker",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if key, err := installation.DecodeName("app", secret); !errors.Is(err, installation.ErrName) {
				t.Errorf("DecodeName = %q, %v; want ErrName", key, err)
			}
		})
	}
}

func FuzzName(f *testing.F) {
	add := func(appKey, one, two string) { f.Add(appKey, one, two, []byte{}) }
	add("example-linker-app", "ari:cloud:bitbucket::app/{11111111-2222-4333-8444-555555555555}/example-linker-app", "connection:479")
	add("a/installation/b", "c", "b/installation/c")
	add("app", "my-linker", "my=2Dlinker")
	add("a=b", "\xff\x00", "=FF=00")
	for plan := range parts.Plans(4, 4) {
		f.Add("app", "my-linker", "x", plan)
	}
	arnEnd := regexp.MustCompile(`-[A-Za-z0-9]{6}$`)
	f.Fuzz(func(t *testing.T, appKey, one, two string, plan []byte) {
		if len(plan) > 0 {
			two = parts.Join(plan, "=", "2D", "-", one, "/", "=2", "=2d", "abcdef", "{", ":", installation.NamePrefix(appKey))
		}
		name, err := installation.EncodeName(appKey, one)
		if err != nil {
			return
		}
		if !allowedName.MatchString(name) || arnEnd.MatchString(name) {
			t.Errorf("name %q of %q is not allowed", name, one)
		}
		if back, err := installation.DecodeName(appKey, name); err != nil || back != one {
			t.Errorf("DecodeName(%q) = %q, %v; want %q", name, back, err, one)
		}
		if other, err := installation.EncodeName(appKey, two); err == nil && (other == name) != (one == two) {
			t.Errorf("client keys %q and %q: names %q and %q", one, two, name, other)
		}
		// Any pair of app keys too: one app's installation is never another's.
		if other, err := installation.EncodeName(two, one); err == nil && (other == name) != (appKey == two) {
			t.Errorf("app keys %q and %q: names %q and %q", appKey, two, name, other)
		}
		// What decodes has exactly one name.
		if key, err := installation.DecodeName(appKey, installation.NamePrefix(appKey)+two); err == nil {
			if again, err := installation.EncodeName(appKey, key); err != nil || again != installation.NamePrefix(appKey)+two {
				t.Errorf("%q decodes to %q, whose name is %q (%v)", two, key, again, err)
			}
		}
	})
}
