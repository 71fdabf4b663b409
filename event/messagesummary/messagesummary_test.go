package messagesummary

import (
	"slices"
	"testing"
	"time"

	"lamplight/body/messagesummary"
	"lamplight/event"
	"lamplight/event/eventtest"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestContract(t *testing.T) {
	eventtest.Run(t, Package{Number: "*97"}, "Messages-Waiting: yes\r\nVoice-Message: 2/8 (0/2)\r\n", "Messages-Waiting: yes\r\n",
		"Messages-Waiting: yes\r\nMessage-Account: sip:fax@example.com\r\nFax-Message: 1/0\r\n")
}

// said is what a voice mail published so long after noon.
func said(after time.Duration, text string) event.Input {
	doc, err := Package{}.Parse(messagesummary.Type, []byte("Messages-Waiting: "+text))
	if err != nil {
		panic(err)
	}
	return event.Input{Key: event.Key{Event: Event, Source: event.EPA, ID: text + after.String()}, Made: noon.Add(after), Doc: doc}
}

func TestMailboxesAreAddedUp(t *testing.T) {
	const min = time.Minute
	for name, c := range map[string]struct {
		in   []event.Input
		want string
	}{
		"nothing is known":                          {nil, "no\r\nVoice-Message: 0/0\r\n"},
		"as it came":                                {[]event.Input{said(0, "yes\r\nVoice-Message: 2/8 (0/2)\r\n")}, "yes\r\nVoice-Message: 2/8 (0/2)\r\n"},
		"without counts":                            {[]event.Input{said(0, "yes")}, "yes\r\n"},
		"one that began anew":                       {[]event.Input{said(0, "yes\r\nVoice-Message: 2/8\r\n"), said(min, "no\r\nVoice-Message: 0/10\r\n")}, "no\r\nVoice-Message: 0/10\r\n"},
		"one that said no counts before":            {[]event.Input{said(0, "yes"), said(min, "no\r\nVoice-Message: 0/1\r\n")}, "no\r\nVoice-Message: 0/1\r\n"},
		"classes of two":                            {[]event.Input{said(0, "yes\r\nFax-Message: 1/0\r\n"), said(min, "no\r\nVoice-Message: 0/1\r\n")}, "yes\r\nVoice-Message: 0/1\r\nFax-Message: 1/0\r\n"},
		"a class that one says no longer":           {[]event.Input{said(0, "yes\r\nVoice-Message: 1/0\r\nFax-Message: 1/0\r\n"), said(min, "no\r\nVoice-Message: 0/1\r\n")}, "yes\r\nVoice-Message: 0/1\r\nFax-Message: 1/0\r\n"},
		"what waited was of the class that is over": {[]event.Input{said(0, "yes\r\nVoice-Message: 1/0\r\nFax-Message: 0/0\r\n"), said(min, "no\r\nVoice-Message: 0/1\r\n")}, "no\r\nVoice-Message: 0/1\r\nFax-Message: 0/0\r\n"},
		"two mailboxes": {[]event.Input{said(0, "yes\r\nMessage-Account: sip:a@x\r\nVoice-Message: 1/2 (1/0)\r\n"),
			said(min, "no\r\nMessage-Account: sip:b@x\r\nVoice-Message: 0/4294967295 (0/1)\r\n")}, "yes\r\nVoice-Message: 1/4294967295 (1/1)\r\n"},
		"a mailbox, its name written twice": {[]event.Input{said(0, "yes\r\nMessage-Account: sip:a@x\r\nVoice-Message: 1/2\r\n"),
			said(min, "no\r\nMessage-Account: sip:A@X\r\nVoice-Message: 0/3\r\n")}, "no\r\nMessage-Account: sip:A@X\r\nVoice-Message: 0/3\r\n"},
		"two mailboxes, and one does not count": {[]event.Input{said(0, "no\r\nMessage-Account: sip:a@x\r\nVoice-Message: 1/2\r\n"),
			said(min, "yes\r\nMessage-Account: sip:b@x\r\n")}, "yes\r\n"},
	} {
		for range 2 {
			doc, _ := Package{}.Compose("sip:alice@example.com", c.in, noon.Add(time.Hour))
			b, err := Package{}.Encode("sip:alice@example.com", doc, event.Format{})
			if got := string(b.Head); err != nil || got != "Messages-Waiting: "+c.want {
				t.Errorf("%s:\n%q, %v, want\n%q", name, got, err, "Messages-Waiting: "+c.want)
			}
			slices.Reverse(c.in)
		}
	}
}

func TestAsPhonesWantIt(t *testing.T) {
	p := Package{Number: "*97"}
	doc, _ := p.Compose("sip:alice@example.com", []event.Input{said(0, "yes\r\nVoice-Message: 2/8 (0/2)\r\n")}, noon)
	for profile, want := range map[uint8]string{0: "2/8 (0/2)", event.NoUrgent: "2/8"} {
		b, _ := p.Encode("sip:*97@example.com", doc, event.Format{Profile: profile})
		if got, want := string(b.Head), "Messages-Waiting: yes\r\nMessage-Account: sip:*97@example.com\r\nVoice-Message: "+want+"\r\n"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
