package sip_test

import (
	"fmt"
	"testing"

	"lamplight/sip"
)

func uri(t testing.TB, s string) sip.URI {
	t.Helper()
	u, err := sip.ParseURI([]byte(s))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return u
}

// RFC 3261 §19.1.1, §19.1.3, §25.1; RFC 3966 §3; RFC 5118 §4.
func TestURIs(t *testing.T) {
	for text, want := range map[string]string{ // scheme user password host port params headers
		"sip:example.com":                                "sip|||example.com|||",
		"sip:alice@atlanta.com":                          "sip|alice||atlanta.com|||",
		"SIPS:alice@AtLanta.CoM:5061":                    "SIPS|alice||AtLanta.CoM|5061||",
		"sip:alice:secretword@atlanta.com;transport=tcp": "sip|alice|secretword|atlanta.com||;transport=tcp|",
		"sip:alice:@a":                                   "sip|alice||a|||",
		"sips:alice@atlanta.com?subject=project%20x&priority=urgent": "sips|alice||atlanta.com|||subject=project%20x&priority=urgent",
		"sip:+1-212-555-1212:1234@gateway.com;user=phone":            "sip|+1-212-555-1212|1234|gateway.com||;user=phone|",
		"sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com":     "sip|||atlanta.com||;method=REGISTER|to=alice%40atlanta.com",
		"sip:alice;day=tuesday@atlanta.com":                          "sip|alice;day=tuesday||atlanta.com|||",
		"sip:j%40s0n@example.com":                                    "sip|j%40s0n||example.com|||",
		"sip:null-%00-null@example.com":                              "sip|null-%00-null||example.com|||",
		"sip:user;par=u%40example.net@example.com":                   "sip|user;par=u%40example.net||example.com|||",
		"sip:a?b@example.com?c=d":                                    "sip|a?b||example.com|||c=d",
		"sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com": "sip|1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*|&it+has=1,weird!*pas$wo~d_too.(doesn't-it)|example.com|||",
		"sip:*21#@example.com":                           "sip|*21#||example.com|||", // seen: # without escape
		"sip:\u5fd9@example.com":                         "sip|\u5fd9||example.com|||",
		"sip:192.0.2.1":                                  "sip|||192.0.2.1|||",
		"sip:a@192.0.2.1:65535":                          "sip|a||192.0.2.1|65535||",
		"sip:[2001:db8::10]":                             "sip|||[2001:db8::10]|||",
		"sip:a@[2001:db8::10]:5070;lr":                   "sip|a||[2001:db8::10]|5070|;lr|",
		"sip:[2001:db8::10:5070]":                        "sip|||[2001:db8::10:5070]|||",
		"sip:[::ffff:192.0.2.10]:19823":                  "sip|||[::ffff:192.0.2.10]|19823||",
		"sip:user@[2001:db8:::192.0.2.1]":                "sip|user||[2001:db8:::192.0.2.1]|||", // RFC 5118 §4.10
		"sip:a@h_1.example;lr;x=%20;ob;+y=z;maddr=[::1]": "sip|a||h_1.example||;lr;x=%20;ob;+y=z;maddr=[::1]|",
		"tel:+1-201-555-0123":                            "tel|+1-201-555-0123|||||",
		"TEL:7042;phone-context=example.com":             "TEL|7042||||;phone-context=example.com|",
		"tel:*21#":                                       "tel|*21#|||||",
		"tel:(030).12-3":                                 "tel|(030).12-3|||||",
	} {
		u := uri(t, text)
		if got := fmt.Sprintf("%s|%s|%s|%s|%s|%s|%s", u.Scheme, u.User, u.Password, u.Host, u.Port, u.Params, u.Headers); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
		if u.String() != text {
			t.Errorf("%q becomes %q", text, u)
		}
	}
}

func TestWhatIsNoURI(t *testing.T) {
	for text, want := range map[string]int{
		"": 400, "alice": 400, ":x": 400, "sip:": 400, "sip": 400, " sip:a": 400, "sip :a": 400, "1sip:a": 400, "s(p:a": 400,
		"sip:@a": 400, "sip:a@": 400, "sip:a@b@c": 400, "sip:a b@c": 400, "sip:a@b c": 400, "sip:a%4@c": 400, "sip:a%@c": 400, "sip:a%zz@c": 400,
		"sip:a\"b@c": 400, "sip:<a>": 400, "sip:a@b:": 400, "sip:a@b:x": 400, "sip:a@b:65536": 400, "sip:a@b:99999999999": 400, "sip:a@b:-1": 400,
		"sip:a@b:5060x": 400, "sip:2001:db8::10": 400, "sip:[2001:db8::10": 400, "sip:[10]": 400, "sip:[1:2]": 400, "sip:[2001:db8::g]": 400, "sip:[::1]x": 400,
		"sip:[]": 400, "sip:a@b;x=\"y\"": 400, "sip:a@b;x y": 400, "sip:a@b;x=<y>": 400, "sip:a@b?x y": 400, "sip:a@b;\x01": 400, "sip:a@b\x7f": 400, "sip:;lr": 400,
		"sip::pw@a": 400, "sip::0": 400, "sip:a@:5060": 400,
		"tel:": 400, "tel:alice": 400, "tel:+": 400, "tel:1+2": 400, "tel:1;a b": 400, "tel:1 2": 400, "tel:-": 400,
		"http://example.com": 416, "soap.beep://192.0.2.103:3002": 416, "nobodyKnowsThisScheme:totallyopaquecontent": 416, "pres:alice@example.com": 416, "urn:service:sos": 416,
	} {
		if u, err := sip.ParseURI([]byte(text)); status(err) != want {
			t.Errorf("%q: %+v, %v; want %d", text, u, err, want)
		}
	}
}

func TestPartsOfURIs(t *testing.T) {
	u := uri(t, "sip:%61lice%20@EXAMPLE.com:5070;Transport=TCP;lr")
	transport, _ := u.Params.Get("transport")
	_, lr := u.Params.Get("LR")
	_, none := u.Params.Get("maddr")
	if u.UserUnescaped() != "alice " || u.HostLower() != "example.com" || u.PortNumber() != 5070 || string(transport) != "TCP" || !lr || none || u.IsTel() {
		t.Errorf("%q %q %d %q %v %v", u.UserUnescaped(), u.HostLower(), u.PortNumber(), transport, lr, none)
	}
	if u := uri(t, "tel:1"); !u.IsTel() || u.PortNumber() != 0 {
		t.Errorf("%+v", u)
	}
}

// RFC 3261 §19.1.4, its examples first.
func TestURIsAreCompared(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanta.CoM;Transport=tcp", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true},
		{"sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true},
		{"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com", "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
		{"sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
		{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
		{"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},
		{"sip:carol@chicago.com;security=off", "sip:carol@chicago.com;security=on", false},
		{"sip:a@b", "sips:a@b", false},
		{"sip:a@b", "sip:b", false},
		{"sip:a:x@b", "sip:a:y@b", false},
		{"sip:a:x@b", "sip:a:%78@b", true},
		{"sip:a%3Bb@c", "sip:a;b@c", false}, // reserved
		{"sip:a%3Bb@c", "sip:a%3bb@c", true},
		{"sip:a%2Db@c", "sip:a-b@c", true},
		{"sip:a@b;user=phone", "sip:a@b", false},
		{"sip:a@b;ttl=1", "sip:a@b", false},
		{"sip:a@b;maddr=c", "sip:a@b", false},
		{"sip:a@b;lr", "sip:a@b", true},
		{"sip:a@b;x=%41", "sip:a@b;x=a", true},
		{"sip:a@b;x=ab", "sip:a@b;x=a", false},
		{"sip:a@b?x=1&x=1", "sip:a@b?x=1", false},
		{"sip:a@b?X=1", "sip:a@b?x=1", true},
		{"sip:a@[2001:DB8::1]", "sip:a@[2001:db8::1]", true},
		{"tel:1", "tel:1", true},
		{"tel:1", "tel:2", false},
	} {
		if a, b := uri(t, c.a), uri(t, c.b); sip.Equal(a, b) != c.same || sip.Equal(b, a) != c.same {
			t.Errorf("%s and %s: %v, %v; want %v", c.a, c.b, sip.Equal(a, b), sip.Equal(b, a), c.same)
		}
	}
}

func TestComparingAllocatesNothing(t *testing.T) {
	a, b := uri(t, "sip:%61lice:x@example.com;transport=tcp;lr"), uri(t, "sip:alice:x@EXAMPLE.com;lr;transport=TCP")
	if n := testing.AllocsPerRun(100, func() { sip.Equal(a, b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
