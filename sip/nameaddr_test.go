package sip_test

import (
	"fmt"
	"strings"
	"testing"

	"lamplight/sip"
)

// RFC 3261 §20, §20.10, §25.1: whose the parameters are.
func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{
		`sip:a@b`:                         `|sip:a@b|`,
		`sip:a@b;tag=x`:                   `|sip:a@b|;tag=x`,
		`sip:a@b ; tag = x`:               `|sip:a@b|; tag = x`,
		`<sip:a@b>`:                       `|sip:a@b|`,
		`<sip:a@b;lr>;tag=x`:              `|sip:a@b;lr|;tag=x`,
		`<sip:a@b;unknown>`:               `|sip:a@b;unknown|`,
		`sip:+1972@gw;unknown`:            `|sip:+1972@gw|;unknown`,
		`<sip:a@b?Route=%3Csip:c%3E>;q=1`: `|sip:a@b?Route=%3Csip:c%3E|;q=1`,
		`Bob <sip:a@b>`:                   `Bob|sip:a@b|`,
		`Bob<sip:a@b>`:                    `Bob|sip:a@b|`,
		`The Phone  <sip:a@b>`:            `The Phone|sip:a@b|`,
		`"Bob"<sip:a@b>`:                  `Bob|sip:a@b|`,
		`"" <sip:a@b>`:                    `|sip:a@b|`,
		`"J Rosenberg \\\"" <sip:a@b> ;  tag = 98asjd8`: `J Rosenberg \"|sip:a@b|;  tag = 98asjd8`,
		`"<sip:x@y>, z;" <sip:a@b>;t="a;b,c\""`:         `<sip:x@y>, z;|sip:a@b|;t="a;b,c\""`,
		"\"\u5fd9\" <sip:a@b>":                          "\u5fd9|sip:a@b|",
		"Caf\u00e9 (2) <sip:a@b>":                       "Caf\u00e9 (2)|sip:a@b|", // seen: no quotes
		`token1~` + "`" + ` token2'+_ token3*%!.- <sip:m@e.com>;fromParam''~+*_!.-%="x";tag=_token~1'+` + "`" + `*%!-.`: "token1~` token2'+_ token3*%!.-|sip:m@e.com|;fromParam''~+*_!.-%=\"x\";tag=_token~1'+`*%!-.",
		`<tel:+1234>;tag=1`: `|tel:+1234|;tag=1`,
		`<sip:a@b>;+sip.instance="<urn:uuid:1>";reg-id=1`: `|sip:a@b|;+sip.instance="<urn:uuid:1>";reg-id=1`,
		`<sip:a@b>;received=[2001:db8::1]:5060`:           `|sip:a@b|;received=[2001:db8::1]:5060`,
		`*`:                                               `|*|`,
	} {
		n, err := sip.ParseNameAddr([]byte(text))
		if got := fmt.Sprintf("%s|%s|%s", n.Display, n.URI, n.Params); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestWhatIsNoAddress(t *testing.T) {
	for _, text := range []string{
		``, ` `, `<>`, `<sip:a@b`, `"Bob <sip:a@b>`, `"Bob" "B" <sip:a@b>`, `"Bob" sip:a@b`, `Bell, Alexander <sip:a@b>`, `a "b" <sip:a@b>`,
		`"Mr. J. User <sip:j.user@example.com>`, `sip:a@b?Route=%3Csip:c%3E`, `sip:a,b@c`, `sip:a b@c`, `<sip:a@b> tag=1`, `<sip:a@b>;`, `<sip:a@b>;;tag=1`,
		`<sip:a@b>;=1`, `<sip:a@b>;ta g=1`, `<sip:a@b>;tag=1 2`, `<sip:a@b>;tag="1`, `<sip:a@b>;tag="1"2`, `<sip:a@b>;tag=1"`, `<sip:a@b>;a,b`, `<sip:a@b>;a=b,c`,
		`<sip:a@b>, <sip:c@d>`, `sip:a@b;x=<y>`, `sip:x <sip:a@b>`, `;tag=1`, `a\b <sip:a@b>`, `x> <sip:a@b>`,
	} {
		if n, err := sip.ParseNameAddr([]byte(text)); err == nil {
			t.Errorf("%s was read as %q %q %q", text, n.Display, n.URI, n.Params)
		}
	}
	for _, text := range []string{`< sip:a@b>`, `<sip:a@b >`, `<sip: a@b>`} { // RFC 4475 §3.1.2.14
		if n, err := sip.ParseNameAddr([]byte(text)); err == nil {
			if u, err := n.ParseURI(); err == nil {
				t.Errorf("%s has the URI %s", text, u)
			}
		}
	}
}

func TestParameters(t *testing.T) {
	p := sip.Params(`;a=1; B ="x;\"y" ;c;d= ;A=2;;e="\\"`)
	var all []string
	for name, value := range p.All() {
		all = append(all, fmt.Sprintf("%s=%s:%v", name, value, value == nil))
	}
	if got := strings.Join(all, " "); got != `a=1:false B=x;"y:false c=:true d=:false A=2:false e=\:false` {
		t.Error(got)
	}
	for name, want := range map[string]string{"A": "1", "b": `x;"y`, "E": `\`, "c": "", "f": ""} {
		if got, _ := p.Get(name); string(got) != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if _, ok := p.Get("c"); !ok {
		t.Error("a parameter without a value is lost")
	}
}

// What is quoted stays one value on one line, whatever it holds.
func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{"": `""`, "b": `"b"`, `b c"\`: `"b c\"\\"`, "x\r\nTo: y\x00": `"x  To: y "`} {
		if got := string(sip.AppendQuoted(nil, in)); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
