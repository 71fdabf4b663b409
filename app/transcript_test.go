package app_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lamplight/app"
	"lamplight/event"
	"lamplight/event/presence"
	"lamplight/policy"
	"lamplight/sip"
)

// TestPhoneTranscripts plays what phones send, and checks what they get. A
// transcript has sections, each after a line that begins with "==== ":
//
//	phone sends    a message as it is; "Authorization: *" is answered, {tag} is
//	               the server's tag, {etag} the last entity-tag
//	phone gets S   how the start line begins, then header fields as in expect,
//	               and "body: words" or "body: -words" of the document
//	alice ...      what happens to the one who is watched
//
// Before the first stands who the phone's user is, and what else it needs.
func TestPhoneTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/phones/*.txt")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d transcripts, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			sections := strings.Split("\n"+string(text), "\n==== ")
			sections[0] += "\n"
			inOffice(t, func(o *app.Options) {
				if strings.Contains(sections[0], "\ntrusted\n") {
					o.Trust = []string{"203.0.113.1/32"}
				}
			}, func(o *office) { o.play(sections) })
		})
	}
}

func (o *office) play(sections []string) {
	o.Helper()
	user := "bob"
	if named := regexp.MustCompile(`\nuser (\S+)\n`).FindStringSubmatch(sections[0]); named != nil {
		user = named[1]
	}
	if strings.Contains(sections[0], "\nsees all\n") {
		o.server.UseRules("sip:alice@example.test", policy.Rules{{One: []event.AoR{"sip:bob@example.test"}, Handling: event.Allow, Rights: event.RightsAll}})
	}
	s := &stage{o: o, phone: o.handset(user), watched: o.watched()}
	for _, section := range sections[1:] {
		head, rest, _ := strings.Cut(section, "\n")
		switch {
		case head == "phone sends":
			s.sends(rest)
		case strings.HasPrefix(head, "phone gets "):
			s.gets(strings.TrimPrefix(head, "phone gets "), rest)
		case strings.HasPrefix(head, "alice "):
			s.watched.does(strings.TrimPrefix(head, "alice "))
		default:
			o.Fatalf("no such section: %s", head)
		}
	}
}

// stage is where a transcript is played.
type stage struct {
	o         *office
	phone     *handset
	watched   *watched
	tag, etag string
}

func (s *stage) sends(text string) {
	s.o.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	head = strings.NewReplacer("{tag}", s.tag, "{etag}", s.etag, "\n", "\r\n").Replace(strings.TrimRight(head, "\n"))
	method, rest, _ := strings.Cut(head, " ")
	uri, _, _ := strings.Cut(rest, " ")
	head = strings.Replace(head, "Authorization: *", s.phone.authorization(method, uri), 1)
	s.phone.send(head + "\r\n\r\n" + strings.TrimRight(body, "\n"))
}

func (s *stage) gets(start, rest string) {
	s.o.Helper()
	var m *sip.Message
	if strings.HasPrefix(start, "NOTIFY") {
		m = s.phone.next()
	} else {
		m = s.phone.response(start)
		if to, err := m.To(); err == nil && len(to.Tag()) > 0 {
			s.tag = string(to.Tag())
		}
		if etag := m.Value(sip.SIPETag); len(etag) > 0 {
			s.etag = string(etag)
		}
	}
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSpace(rest), "\n") {
		if words, ok := strings.CutPrefix(line, "body: "); ok {
			s.o.has(m, words)
		} else if line != "" {
			lines = append(lines, line)
		}
	}
	s.o.expect(m, start, lines...)
}

// watched is alice's own phone.
type watched struct {
	*handset
	tags map[string]string // by event: the entity-tag of what she published last
}

func (o *office) watched() *watched {
	return &watched{o.handsetAt("alice", "example.test", netip.MustParseAddrPort("203.0.113.200:5060")), map[string]string{}}
}

func (w *watched) publishes(name string, lines ...string) {
	w.o.Helper()
	lines = append(lines, "Event: "+name)
	if tag := w.tags[name]; tag != "" {
		lines = append(lines, "SIP-If-Match: "+tag)
	}
	w.tags[name] = w.handset.publish("alice", lines...)
}

// dialogIs is the attributes of one call of hers.
func dialogIs(direction string) []string {
	return []string{`call-id="c1@pbx.example.test"`, `local-tag="l1"`, `remote-tag="r1"`, `direction="` + direction + `"`}
}

func (w *watched) does(what string) {
	w.o.Helper()
	switch what {
	case "registers":
		w.o.expect(w.do("REGISTER", "sip:example.test", "To: <sip:alice@example.test>", "Expires: 3600"), "200 OK")
	case "rings":
		w.publishes("dialog", call("alice", "early", dialogIs("recipient")...))
	case "calls":
		w.publishes("dialog", call("alice", "early", dialogIs("initiator")...))
	case "talks":
		w.publishes("dialog", call("alice", "confirmed", dialogIs("recipient")...))
	case "hangs up":
		w.publishes("dialog", call("alice", "terminated", dialogIs("recipient")...))
	default:
		s, ok := presence.ParseState(strings.TrimPrefix(what, "is "))
		if !ok {
			w.o.Fatalf("alice cannot do this: %s", what)
		}
		w.publishes("presence", state("alice", s))
	}
}
