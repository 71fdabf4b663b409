// Package torture is messages of the kinds that RFC 4475 and RFC 5118 have a
// section for, of our own making, for the tests of whoever takes messages. It
// holds none of the RFCs' own.
package torture

import "strings"

// Message is one message, with lines that end with LF.
type Message struct {
	Section string // of the RFC, and what it is about
	Text    string
	Status  int // what parser and checks say to it; 0: they take it
}

// Messages are one or more for each section. What is refused for other reasons
// (methods, extensions, schemes) is well-formed.
var Messages = []Message{
	{"RFC 4475 §3.1.1.1: odd folding, case, compact forms, empty parts", `SUBSCRIBE sip:bob@example.com;p=v SIP/2.0
TO :
 sip:bob@example.com ;   tag    = 12n
from   : "A B \\\""       <sip:ab@example.com>
  ;
  tag = 98asj
MaX-fOrWaRdS: 0068
i: odd.77@10.0.0.1
Content-Length   :  4
cseq: 0009
  SUBSCRIBE
v:  SIP  / 2.0  / TCP     a.example.com   ;
  branch  =   z9hG4bK9 , SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30
UnknownHeaderWithUnusualValue: ;;,,;;,;
m:"Quoted \"\"" <sip:c@example.com> ; newparam = newvalue ;
  secondparam ; q = 0.33
Event
 	:presence

body`, 400}, // the name may not be folded
	{"RFC 4475 §3.1.1.1, so that it is well-formed", `SUBSCRIBE sip:bob@example.com;p=v SIP/2.0
TO :
 sip:bob@example.com ;   tag    = 12n
from   : "A B \\\""       <sip:ab@example.com>
  ;
  tag = 98asj
MaX-fOrWaRdS: 0068
i: odd.77@10.0.0.1
Content-Length   :  4
cseq: 0009
  SUBSCRIBE
v:  SIP  / 2.0  / TCP     a.example.com   ;
  branch  =   z9hG4bK9 , SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30
UnknownHeaderWithUnusualValue: ;;,,;;,;
m:"Quoted \"\"" <sip:c@example.com> ; newparam = newvalue ;
  secondparam ; q = 0.33

body`, 0},
	{"RFC 4475 §3.1.1.2: all characters that may be", strings.NewReplacer("PUBLISH", "!Odd-Method9*_+`.%it'~", `"Alice" <sip:alice@example.com>`,
		"tok~` en2'+_ %!.- <sip:u;~(x)&'+$/c?,/;;*@example.com>;par''~+*_!.-%=\"\u0440\u0430\"", "tag=f1", "tag=_tok~1'+`*%!-.",
		"one@192.0.2.1", "w%ZK-!.*_+'@w`~)(><:\\/\"][?}{", "alice@example.com SIP", "u?,/;;*:&it=1,w!o~d_(x)@example.com SIP").Replace(publish), 0},
	{"RFC 4475 §3.1.1.3: escapes", strings.ReplaceAll(publish, "sip:alice@", "sip:sips%3Aalice%40example.net@"), 0},
	{"RFC 4475 §3.1.1.4: an escaped NUL", strings.ReplaceAll(publish, "sip:alice@", "sip:null-%00-null@"), 0},
	{"RFC 4475 §3.1.1.5: % that escapes nothing", strings.NewReplacer("PUBLISH", "PUB%4cISH", `"Alice"`, `"%Z%45"`).Replace(publish), 0},
	{"RFC 4475 §3.1.1.6: no space before <", with(`"Alice" <`, "caller<"), 0},
	{"RFC 4475 §3.1.1.7: long values", strings.NewReplacer("Alice", strings.Repeat("A long name ", 20), "Max-", "Via: SIP/2.0/UDP h.example.com"+
		strings.Repeat("\nv: SIP/2.0/TCP sip33.example.com", 33)+"\nX-Long: "+strings.Repeat("x", 3000)+"\nMax-").Replace(publish), 0},
	{"RFC 4475 §3.1.1.8: more behind the body", publish + publish, 0},
	{"RFC 4475 §3.1.1.9: a semicolon in the user part", with("sip:alice@example.com SIP", "sip:alice;par=u%40example.net@example.com SIP"), 0},
	{"RFC 4475 §3.1.1.10: transports", with(";rport", ";rport\nVia: SIP/2.0/SCTP a;branch=1\nVia: SIP/2.0/TLS b;branch=2\nVia: SIP/2.0/UNKNOWN c;branch=3"), 0},
	{"RFC 4475 §3.1.1.11: a body of several parts", with("application/pidf+xml", "multipart/mixed;boundary=7a9cbec02ceef655"), 0},
	{"RFC 4475 §3.1.1.12: a reason phrase in UTF-8", "SIP/2.0 200 = 2**3 * 5**2 \u043d\u043e\n" + publish[strings.Index(publish, "Via"):], 0},
	{"RFC 4475 §3.1.1.13: no reason phrase", "SIP/2.0 100 \n" + publish[strings.Index(publish, "Via"):], 0},
	{"RFC 4475 §3.1.2.1: separators too many", with(";rport", ";;,;,,"), 400},
	{"RFC 4475 §3.1.2.1: separators too many in Contact", with("Event:", "Contact: \"Joe\" <sip:joe@example.org>;;;;\nEvent:"), 400},
	{"RFC 4475 §3.1.2.2: Content-Length beyond the body", with("Length: 4", "Length: 9999"), 400},
	{"RFC 4475 §3.1.2.3: a negative Content-Length", with("Length: 4", "Length: -999"), 400},
	{"RFC 4475 §3.1.2.4: a CSeq too large", with("7 PUBLISH", "36893488147419103232 PUBLISH"), 400},
	{"RFC 4475 §3.1.2.4: a Max-Forwards too large", with("Forwards: 70", "Forwards: 300"), 400},
	{"RFC 4475 §3.1.2.4: an Expires too large is as large as can be", with("3600", "10000000000000"), 0},
	{"RFC 4475 §3.1.2.5: in a response", "SIP/2.0 503 Service Unavailable\n" + strings.Replace(publish[strings.Index(publish, "Via"):], "7 PUBLISH", "9292394834772304023312 OPTIONS", 1), 400},
	{"RFC 4475 §3.1.2.6: a quote without end", with("To: <", "To: \"Mr. J. User <"), 400},
	{"RFC 4475 §3.1.2.7: <> round the Request-URI", with("sip:alice@example.com SIP", "<sip:alice@example.com> SIP"), 400},
	{"RFC 4475 §3.1.2.8: white space in the Request-URI", with("sip:alice@example.com SIP", "sip:alice@example.com; transport=udp SIP"), 400},
	{"RFC 4475 §3.1.2.9: spaces in the start line", with("PUBLISH sip:alice@example.com SIP", "PUBLISH  sip:alice@example.com  SIP"), 400},
	{"RFC 4475 §3.1.2.10: a space at its end", with("SIP/2.0\nVia", "SIP/2.0 \nVia"), 400},
	{"RFC 4475 §3.1.2.11: headers in the Request-URI", with("alice@example.com SIP", "alice@example.com?Route=%3Csip:example.com%3E SIP"), 400},
	{"RFC 4475 §3.1.2.12: a Date that is not GMT is ignored", with("Event:", "Date: Fri, 01 Jan 2010 16:00:00 EST\nEvent:"), 0},
	{"RFC 4475 §3.1.2.13: ? in a Contact without <>", with("Event:", "Contact: sip:u@example.com?Route=%3Csip:s@example.com%3E\nEvent:"), 400},
	{"RFC 4475 §3.1.2.14: spaces in an addr-spec", with("To: <sip:alice@example.com>", "To: \"Watson, Thomas\" < sip:t.watson@example.org >"), 400},
	{"RFC 4475 §3.1.2.15: a display name that wants quotes", with(`"Alice"`, "Bell, Alexander"), 400},
	{"RFC 4475 §3.1.2.16: another version", with("SIP/2.0\nVia", "SIP/7.0\nVia"), 505},
	{"RFC 4475 §3.1.2.17: methods that differ", with("7 PUBLISH", "7 INVITE"), 400},
	{"RFC 4475 §3.1.2.18: methods that differ, unknown", with("PUBLISH sip", "NEWMETHOD sip"), 400},
	{"RFC 4475 §3.1.2.19: a status too large", "SIP/2.0 4294967301 better not break the receiver\n" + publish[strings.Index(publish, "Via"):], 400},
	{"RFC 4475 §3.2.1: a branch of the cookie alone", with("z9hG4bK-7", "z9hG4bK"), 0}, // matched as of old: the transaction layer's
	{"RFC 4475 §3.3.1: what is mandatory is not there", "PUBLISH sip:alice@example.com SIP/2.0\nCSeq: 193942 PUBLISH\nVia: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKx\nContent-Length: 0\n\n", 400},
	{"RFC 4475 §3.3.2: a scheme nobody knows", with("sip:alice@example.com SIP", "nobodyKnowsThisScheme:totallyopaque SIP"), 0},
	{"RFC 4475 §3.3.3: a scheme others know", with("sip:alice@example.com SIP", "soap.beep://192.0.2.103:3002 SIP"), 0},
	{"RFC 4475 §3.3.4: schemes in addresses", strings.NewReplacer("To: <sip:alice@example.com>", "To: isbn:2983792873").Replace(publish), 0},
	{"RFC 4475 §3.3.5: extensions", with("Event:", "Require: nothingSupportsThis, nothingSupportsThisEither\nProxy-Require: no\nEvent:"), 0},
	{"RFC 4475 §3.3.6: a type nobody knows", with("application/pidf+xml", "application/unknownformat"), 0},
	{"RFC 4475 §3.3.7: an authorization nobody knows", with("Event:", "Authorization: NoOneKnowsThisScheme opaque-data=here\nEvent:"), 0},
	{"RFC 4475 §3.3.8: two of what there is one", with("Event:", "CSeq: 59 PUBLISH\nCall-ID: x\nTo: sip:u@example.com\nFrom: sip:v@example.net;tag=2\nMax-Forwards: 5\nEvent:"), 400},
	{"RFC 4475 §3.3.9: two Content-Length", with("Event:", "Content-Length: 5\nEvent:"), 400},
	{"RFC 4475 §3.3.10: a response for somebody else", "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK2\n" +
		publish[strings.Index(publish, "Max"):], 0},
	{"RFC 4475 §3.3.11: Max-Forwards 0", with("Forwards: 70", "Forwards: 0"), 0},
	{"RFC 4475 §3.3.12: a parameter of Contact", with("Event:", "Contact: sip:+19725552222@gw1.example.net;unknownparam\nEvent:"), 0},
	{"RFC 4475 §3.3.13: a parameter of the URI in Contact", with("Event:", "Contact: <sip:+19725552222@gw1.example.net;unknownparam>\nEvent:"), 0},
	{"RFC 4475 §3.3.14: headers of the URI in Contact", with("Event:", "Contact: <sip:u@example.com?Route=%3Csip:s.example.com%3E>\nEvent:"), 0},
	{"RFC 4475 §3.3.15: Accept without a type that fits", with("Event:", "Accept: text/nobodyKnowsThis\nEvent:"), 0},
	{"RFC 4475 §3.4.1: a client of RFC 2543", "SUBSCRIBE sip:b@example.com SIP/2.0\nVia: SIP/2.0/UDP iftgw.example.com\nFrom: <sip:+13035551111@ift.example.net;user=phone>\n" +
		"Record-Route: <sip:b@example.com;maddr=ss1.example.com>\nTo: sip:+16505552222@ss1.example.net;user=phone\nCall-ID: 1717@ift.example.com\nCSeq: 56 SUBSCRIBE\n\n", 0},

	{"RFC 5118 §4.1: an IPv6 reference", strings.ReplaceAll(publish, "alice@example.com SIP", "[2001:db8::10] SIP"), 0},
	{"RFC 5118 §4.2: an IPv6 address without brackets", strings.ReplaceAll(publish, "alice@example.com SIP", "2001:db8::10 SIP"), 400},
	{"RFC 5118 §4.3: a port that is part of the address", strings.ReplaceAll(publish, "alice@example.com SIP", "[2001:db8::10:5070] SIP"), 0},
	{"RFC 5118 §4.4: a port behind the brackets", strings.ReplaceAll(publish, "alice@example.com SIP", "[2001:db8::10]:5070 SIP"), 0},
	{"RFC 5118 §4.5: received with brackets", with(";rport", ";received=[2001:db8::9:255]"), 0},
	{"RFC 5118 §4.5: received without", with(";rport", ";received=2001:db8::9:255"), 0},
	{"RFC 5118 §4.6: IPv6 in the body", with("body", "c=IN"), 0},
	{"RFC 5118 §4.7: several families in Via", with(";rport", ", SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z, SIP/2.0/UDP 192.0.2.1"), 0},
	{"RFC 5118 §4.8: several families in the body", strings.NewReplacer("Content-Length: 4", "Content-Length: 28", "body", "c=IN IP6 ::1\nc=IN IP4 0.0\n").Replace(publish), 0},
	{"RFC 5118 §4.9: IPv4 in IPv6", with("192.0.2.1:5070", "[::ffff:192.0.2.10]:19823"), 0},
	{"RFC 5118 §4.10: three colons", strings.ReplaceAll(publish, "alice@example.com", "alice@[2001:db8:::192.0.2.1]"), 0},
	{"RFC 5118 §4.10: two colons", strings.ReplaceAll(publish, "alice@example.com", "alice@[2001:db8::192.0.2.1]"), 0},
}

const publish = `PUBLISH sip:alice@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK-7;rport
Max-Forwards: 70
From: "Alice" <sip:alice@example.com>;tag=f1
To: <sip:alice@example.com>
Call-ID: one@192.0.2.1
CSeq: 7 PUBLISH
Event: presence;id=3
Expires: 3600
Content-Type: application/pidf+xml
Content-Length: 4

body`

// with replaces a part of publish.
func with(old, new string) string {
	if !strings.Contains(publish, old) {
		panic(old)
	}
	return strings.Replace(publish, old, new, 1)
}

// Bytes is the message as it is sent.
func (m Message) Bytes() []byte { return []byte(strings.ReplaceAll(m.Text, "\n", "\r\n")) }
