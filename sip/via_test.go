package sip_test

import (
	"fmt"
	"testing"

	"lamplight/sip"
)

// RFC 3261 §20.42, §25.1; RFC 5118 §4.5.
func TestVias(t *testing.T) {
	for text, want := range map[string]string{ // transport host port params
		"SIP/2.0/UDP erlang.bell-telephone.com:5060;branch=z9hG4bK87asdks7":           "UDP|erlang.bell-telephone.com|5060|;branch=z9hG4bK87asdks7",
		"SIP/2.0/UDP 192.0.2.1:5060 ;received=192.0.2.207;branch=z9hG4bK77asjd":       "UDP|192.0.2.1|5060|;received=192.0.2.207;branch=z9hG4bK77asjd",
		"SIP / 2.0 / UDP first.example.com: 4000;ttl=16;maddr=224.2.0.1 ;branch=a7.1": "UDP|first.example.com|4000|;ttl=16;maddr=224.2.0.1 ;branch=a7.1",
		"SIP  / 2.0\t/ TCP     spindle.example.com   ;  branch  =   z9hG4bK9ikj8  ":   "TCP|spindle.example.com||;  branch  =   z9hG4bK9ikj8",
		"sip/2.0/udp a : 5070":                                     "udp|a|5070|",
		"SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKkdjuw":       "UNKNOWN|t4.example.com||;branch=z9hG4bKkdjuw",
		"SIP/2.0/TLS-SCTP t4.example.com;x":                        "TLS-SCTP|t4.example.com||;x",
		"SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111":        "UDP|[2001:db8::9:1]||;branch=z9hG4bKas3-111",
		"SIP/2.0/UDP [2001:db8::9:1]:5061":                         "UDP|[2001:db8::9:1]|5061|",
		"SIP/2.0/UDP [2001:db8::9:1] : 5061 ;rport":                "UDP|[2001:db8::9:1]|5061|;rport",
		"SIP/2.0/UDP a;received=2001:db8::9:255":                   "UDP|a||;received=2001:db8::9:255",
		"SIP/2.0/UDP a;received=[2001:db8::9:255];branch=z":        "UDP|a||;received=[2001:db8::9:255];branch=z",
		"SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~": "TCP|host1.example.com||;branch=z9hG4bK-.!%66*_+`'~",
		`SIP/2.0/UDP a;x="b,;c"`:                                   `UDP|a||;x="b,;c"`,
	} {
		v, err := sip.ParseVia([]byte(text))
		if got := fmt.Sprintf("%s|%s|%s|%s", v.Transport, v.Host, v.Port, v.Params); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
	v, _ := sip.ParseVia([]byte("SIP/2.0/UDP a;rport;BRANCH = z9hG4bKx"))
	if string(v.Branch()) != "z9hG4bKx" {
		t.Errorf("branch %q", v.Branch())
	}
}

func TestWhatIsNoVia(t *testing.T) {
	for _, text := range []string{"", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0 a", "SIP/2.0/ a", "HTTP/1.1/TCP a", "SIP/1.0/UDP a", "SIP/2.0/UDPa", "SIP/2.0/UDP a b",
		"SIP/2.0/UDP a:b", "SIP/2.0/UDP a:", "SIP/2.0/UDP a:65536", "SIP/2.0/UDP a:5060x", "SIP/2.0/UDP :5060", "SIP/2.0/UDP ;branch=x", "SIP/2.0/UDP 2001:db8::1",
		"SIP/2.0/UDP [2001:db8::1", "SIP/2.0/UDP [x]", "SIP/2.0/UDP [::1 ]", "SIP/2.0/UDP a;", "SIP/2.0/UDP a;;b", "SIP/2.0/UDP a;b c", `SIP/2.0/UDP a;b="c`, "SIP/2.0/UDP a;b=c d",
		"SIP/2.0/U(P a", "SIP/2.0/UDP <a>", "SIP/2.0/UDP a@b", "SIP 2.0 UDP a"} {
		if v, err := sip.ParseVia([]byte(text)); err == nil {
			t.Errorf("%q was read as %q %q %q", text, v.Host, v.Port, v.Params)
		}
	}
}
