package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// parse reads a command line as `lamplight serve` does, with a settings file.
func parse(t *testing.T, file string, args ...string) (Serve, error) {
	t.Helper()
	var c struct {
		Config kong.ConfigFlag
		Serve
	}
	if file != "" {
		name := filepath.Join(t.TempDir(), "lamplight.toml")
		if err := os.WriteFile(name, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", name)
	}
	parser, err := kong.New(&c, kong.DefaultEnvars("LAMPLIGHT"), kong.Configuration(File), Vars)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return c.Serve, err
}

func TestEverySettingHasADefaultThatIsChecked(t *testing.T) {
	s, err := parse(t, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	if !s.HasRole("registrar") || !s.HasRole("presence") || s.Memory() || s.InsecureNoAuth {
		t.Errorf("defaults %+v", s)
	}
}

func TestFlagsStandAboveTheEnvironmentAndThatAboveTheFile(t *testing.T) {
	file := "domain = [\"file.test\", \"second.test\"]\ndata = \"from-file\"\nlimits = \"off\"\n"
	t.Setenv("LAMPLIGHT_DATA", "from-environment")
	s, err := parse(t, file, "--limits", "on")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(s.Domain, " ") != "file.test second.test" || s.Data != "from-environment" || s.Limits != "on" {
		t.Errorf("got %+v", s)
	}
}

func TestAMistakeInTheFileIsNamedWithItsLine(t *testing.T) {
	for file, want := range map[string]string{
		"data = \"d\"\n\ndomian = [\"x\"]\n": "line 3: unknown key \"domian\"",
		"data = \"d\"\nlimits = \n":          "line 2",
		"[trust]\npeers = []\n":              "line 1",
	} {
		if _, err := parse(t, file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", file, err, want)
		}
	}
}

func TestWhatIsNotBuiltSaysSo(t *testing.T) {
	for _, args := range [][]string{
		{"--web", "127.0.0.1:8080"}, {"--listen", "wss:127.0.0.1:5063"},
		{"--listen", "ws:127.0.0.1:5066"}, {"--role", "proxy"},
	} {
		s, err := parse(t, "", args...)
		if err != nil {
			t.Errorf("%v does not parse: %v", args, err)
			continue
		}
		var notBuilt *NotBuiltError
		if err := s.Check(); !errors.As(err, &notBuilt) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	for _, args := range [][]string{
		{"--listen", "udp:nowhere"}, {"--listen", "carrier:127.0.0.1:1"}, {"--listen", "5060"},
		{"--domain", "a b"}, {"--trust", "a b"}, {"--domain", "sip:x"}, {"--outbound", "everywhere"},
		{"--admin", "0.0.0.0:80"}, {"--admin", "x"}, {"--advertise", "198.51.100.9"},
	} {
		s, err := parse(t, "", args...)
		if err == nil {
			err = s.Check()
		}
		if err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}

func TestPeersAreAddressesOrUsers(t *testing.T) {
	s := Serve{Trust: []string{"192.0.2.1", "2001:db8::/32", "pbx@example.test"}}
	networks, users := s.Peers()
	if len(networks) != 2 || networks[0].String() != "192.0.2.1/32" || len(users) != 1 || users[0] != "pbx@example.test" {
		t.Errorf("networks %v, users %v", networks, users)
	}
}

func TestExplainWarnsOfWhatIsOpen(t *testing.T) {
	s, _ := parse(t, "", "--insecure-no-auth", "--limits", "off")
	text := strings.Join(s.Explain(), "\n")
	for _, want := range []string{"WARNING: --insecure-no-auth", "WARNING: --limits off", "localhost"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}
