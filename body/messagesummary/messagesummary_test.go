package messagesummary

import (
	"reflect"
	"strings"
	"testing"
)

// The examples of RFC 3842 §3.5 and §4.1, and what products send.
func TestParse(t *testing.T) {
	for text, want := range map[string]Summary{
		"Messages-Waiting: yes\r\n": {Waiting: true},
		"Messages-Waiting: no":      {},
		"Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.example.com\r\nVoice-Message: 2/8 (0/2)\r\n": {Waiting: true, Account: "sip:alice@vmail.example.com",
			Classes: []Class{{Name: Voice, New: 2, Old: 8, Urgent: true, OldUrgent: 2}}},
		"Messages-Waiting: yes\nFax-Message: 2/4\nVoice-Message: 1/3 (0/1)\n": {Waiting: true,
			Classes: []Class{{Name: "Fax-Message", New: 2, Old: 4}, {Name: Voice, New: 1, Old: 3, Urgent: true, OldUrgent: 1}}},
		"messages-waiting : YES\r\nMESSAGE-ACCOUNT:<sip:*97@example.test>\r\nvoice-message : 1 / 0 ( 1 / 0 )\r\n": {Waiting: true, Account: "sip:*97@example.test",
			Classes: []Class{{Name: Voice, New: 1, Urgent: true, NewUrgent: 1}}},
		"Messages-Waiting: yes\r\nVoice-Message: 1/0\r\n\r\nTo: <alice@atlanta.example.com>\r\nFax-Message: 1/1\r\nMessage-ID: 13784434989@vmail.example.com\r\n": {Waiting: true,
			Classes: []Class{{Name: Voice, New: 1}}},
		"Messages-Waiting: yes\r\nVoice-Message: 99999999999/4294967296\r\nVoice-Message: 0/0\r\nX-Note: 5 of 6\r\n": {Waiting: true,
			Classes: []Class{{Name: Voice, New: 1<<32 - 1, Old: 1<<32 - 1}}},
	} {
		got, err := Parse([]byte(text))
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%q is\n%+v, %v, want\n%+v", text, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "Voice-Message: 1/0\r\n", "Messages-Waiting: perhaps\r\n", "Messages-Waiting:\r\n",
		"Messages-Waiting: yes\r\nVoice-Message: 1/x\r\n", "Messages-Waiting: yes\r\nVoice-Message: 1/0 (0)\r\n",
		"Messages-Waiting: yes\r\nMessage-Account: alice\r\n", "Messages-Waiting: yes\r\nMessage-Account: sip:a b@c\r\n",
		"Messages-Waiting: yes\r\nMessage-Account: sip:" + strings.Repeat("a", maxAccount) + "\r\n",
		"Messages-Waiting: yes\r\n" + strings.Repeat("x", maxName+1) + ": 1/0\r\n",
		"Messages-Waiting: yes\r\n" + "a: 1/0\r\nb: 1/0\r\nc: 1/0\r\nd: 1/0\r\ne: 1/0\r\nf: 1/0\r\ng: 1/0\r\nh: 1/0\r\ni: 1/0\r\nj: 1/0\r\nk: 1/0\r\nl: 1/0\r\nm: 1/0\r\nn: 1/0\r\no: 1/0\r\np: 1/0\r\nq: 1/0\r\n",
	} {
		if got, err := Parse([]byte(text)); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

func TestAppend(t *testing.T) {
	s := Summary{Waiting: true, Account: "sip:alice@vmail.example.com", Classes: []Class{{Name: Voice, New: 4, Old: 8, Urgent: true, NewUrgent: 1, OldUrgent: 2}, {Name: "Fax-Message"}}}
	want := "Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.example.com\r\nVoice-Message: 4/8 (1/2)\r\nFax-Message: 0/0\r\n"
	if got := string(s.Append(nil)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.example.com\r\nVoice-Message: 2/8 (0/2)\r\n",
		"Messages-Waiting: no\n", "messages-waiting:yes\nFAX-message:1/2(3/4)\n\nTo: x\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse(b)
		if err != nil {
			return
		}
		again, err := Parse(s.Append(nil))
		if err != nil || !reflect.DeepEqual(s, again) {
			t.Fatalf("%+v is read again as %+v, %v", s, again, err)
		}
	})
}
