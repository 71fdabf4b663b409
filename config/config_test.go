package config

import (
	"os"
	"path/filepath"
	"slices"
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

func TestCheckRefuses(t *testing.T) {
	for _, args := range [][]string{
		{"--listen", "udp:nowhere"}, {"--listen", "carrier:127.0.0.1:1"}, {"--listen", "5060"},
		{"--domain", "a b"}, {"--trust", "a b"}, {"--domain", "sip:x"}, {"--outbound", "everywhere"},
		{"--trace-messages", "-1"}, {"--drain", "2m"}, {"--drain", "soon"}, {"--hep", "tcp:192.0.2.1:9060"}, {"--hep", "udp:homer"}, {"--hep", "udp:192.0.2.1:0"},
		{"--dns", "10.1.2.53"}, {"--dns", "ns.example.test:53"}, {"--profile", "one-dialog"}, {"--voice-mail", "sip:*97@example.test"}, {"--mwi", "none"}, {"--profile", "agent=a;nonsense"},
		{"--admin", "0.0.0.0:80"}, {"--web", "0.0.0.0:8080"}, {"--web", "x"}, {"--admin", "x"}, {"--advertise", "198.51.100.9"},
		{"--ws-origin", "phone.example.com"}, {"--ws-origin", "https://phone.example.com/"}, {"--ws-origin", "https://Phone.example.com"},
		{"--route", "0*"}, {"--route", "0*=sip:a@gw.example.org"}, {"--route", "0*=gw.example.org"}, {"--route", "a b=sip:gw.example.org"}, {"--route", "0*=sip:gw.example.org,strip=x"},
		{"--route", "partner.example=sip:partner.example,strip=1"}, {"--route", "0*=sip:gw.example.org,pre=1"}, {"--pickup-code", "pick"},
		{"--presence-server", "sip:192.0.2.2"}, {"--presence-server", "192.0.2.2", "--role", "proxy"}, {"--presence-server", "sip:192.0.2.2", "--role", "registrar"},
		{"--history-days", "-1"}, {"--history-days", "99999"}, {"--ws-origin", "*"}, {"--ws-origin", "null"}, {"--ws-origin", "https://phone.example.com:443"},
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

// What check says, word for word: people act on it.
func TestExplain(t *testing.T) {
	for name, args := range map[string][]string{
		"defaults":  nil,
		"proxy":     {"--role", "registrar,proxy", "--presence-server", "sip:presence.example.test", "--outbound", "10.0.0.0/8"},
		"registrar": {"--role", "registrar", "--outbound", "10.0.0.0/8"},
		"closed": {"--data", "memory", "--domain", "example.test", "--domain", "other.test", "--alias-domain", "192.0.2.1", "--role", "presence",
			"--listen", "udp:10.1.2.3:5060", "--listen", "tls:198.51.100.9:5061", "--listen", "wss:198.51.100.9:8443",
			"--ws-origin", "https://a.example.com", "--ws-origin", "http://b.example.com:81", "--tls-cert", "cert.pem", "--tls-key", "key.pem",
			"--advertise", "udp:198.51.100.9:5060", "--trust", "10.1.2.4", "--trust", "pbx@example.test", "--outbound", "10.0.0.0/8", "--dns", "10.1.2.53:53", "--dns", "[fd00::53]:5353",
			"--admin", "127.0.0.1:9160", "--drain", "5s", "--log-level", "error", "--trace-messages", "0", "--history-days", "0",
			"--limit-user-rate", "8", "--limit-nonce-life", "1m", "--dnd-on-blf", "none", "--voice-mail", "*97", "--mwi", "subscribers"},
		"open": {"--insecure-no-auth", "--limits", "off", "--notify-rate", "off", "--trust", "10.0.0.0/8", "--trust", "2001:db8::/32", "--trust", "192.0.2.0/24",
			"--listen", "udp:198.51.100.9:5060", "--listen", "tcp:[::]:5060", "--listen", "tls:[2001:db8::1]:5061", "--listen", "udp:127.0.0.1:5070", "--listen", "ws:127.0.0.1:8080",
			"--route", "0*=sip:gw.example.org;transport=tls,strip=1,prepend=+49", "--route", "110=sip:192.0.2.7", "--route", "*=sip:gw.example.org", "--route", "partner.example=sip:partner.example",
			"--pickup-code", "*8", "--allow-strangers", "--flow-grace", "0", "--nat-ping", "0s", "--hep", "udp:203.0.113.5:9060", "--hep-password-file", "homer.key"},
	} {
		s, err := parse(t, "", args...)
		if err == nil {
			err = s.Check()
		}
		if err != nil {
			t.Fatal(name, err)
		}
		want, err := os.ReadFile(filepath.Join("testdata", "explain", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(s.Explain(), "\n") + "\n"; got != string(want) {
			t.Errorf("%s is explained as\n%s\nwant\n%s", name, got, want)
		}
	}
}

// Whatever is set is named: a setting that check is silent about would be one
// that nobody sees.
func TestExplainNamesEverySetting(t *testing.T) {
	s, err := parse(t, "", "--data", "D4TA", "--domain", "d0main.test", "--alias-domain", "alias.test", "--listen", "tls:192.0.2.1:5061", "--tls-cert", "c3rt",
		"--listen", "wss:192.0.2.1:8443", "--ws-origin", "https://0rigin.test",
		"--tls-key", "k3y", "--advertise", "tls:192.0.2.2:5061", "--trust", "192.0.2.3", "--outbound", "192.0.2.4", "--admin", "127.0.0.1:99",
		"--log-level", "debug", "--trace-messages", "777", "--hep", "udp:10.0.0.1:9060", "--hep-id", "4711", "--hep-password-file", "s3cret", "--drain", "7s",
		"--flow-grace", "17", "--nat-ping", "19s",
		"--insecure-no-auth", "--limits", "off", "--notify-rate", "off")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(s.Explain(), "\n")
	for _, want := range []string{"D4TA", "d0main.test", "alias.test", "tls:192.0.2.1:5061", "https://0rigin.test", "c3rt", "tls:192.0.2.2:5061", "192.0.2.3", "192.0.2.4", "127.0.0.1:99",
		"debug", "777", "udp:10.0.0.1:9060", "4711", "s3cret", "7s", "17s", "19s", "--insecure-no-auth", "--limits off", "--notify-rate off"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

func TestProfiles(t *testing.T) {
	acme := Profile{Agent: "Acme, Inc", OneDialog: true, Unreachable: "failed"}
	file := "[[profile]]\nagent = \"Acme, Inc\"\none-dialog = true\nunreachable = \"failed\"\n\n[[profile]]\nagent = \"other\"\nxpidf = true\n"
	for name, want := range map[string][]Profile{"file": {acme, {Agent: "other", XPIDF: true}}, "flag": {acme}} {
		var args []string
		if name == "flag" {
			args = []string{"--profile", "agent=Acme, Inc; one-dialog ;unreachable=failed;xpidf=false"}
		}
		s, err := parse(t, file, args...)
		if err == nil {
			err = s.Check()
		}
		if err != nil || !slices.Equal(s.Profile, want) {
			t.Errorf("%s: %+v, %v, want %+v", name, s.Profile, err, want)
		}
	}
	for file, want := range map[string]string{
		"[[profile]]\nagent = \"a\"\n\n[[profile]]\nagent = \"b\"\none-dialogue = true\n": `line 6: unknown key "profile.one-dialogue"`,
		"[[profile]]\none-dialog = true\n":                                                "no agent",
		"[[profile]]\nagent = \"a\"\none-dialog = \"yes\"\n":                              "line 3",
		"[[profile]]\nagent = \"a\"\nunreachable = \"gone\"\n":                            "offline or failed",
		"[[profile]]\nagent = \"a\"\ncpim-label = \"a b\"\n":                              "content type",
		"profile = [\"agent=a;one-dialogue\"]\n":                                          "one-dialogue",
		"[[profile]]\nagent = \"a\"\n[profile.more]\nx = 1\n":                             "line 3",
	} {
		s, err := parse(t, file)
		if err == nil {
			err = s.Check()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", file, err, want)
		}
	}
}
