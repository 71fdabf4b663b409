package callcontrol

import (
	"fmt"
	"strings"
	"testing"
)

const bobs = "v=0\r\no=bob 7 9 IN IP6 2001:db8::7\r\ns=-\r\nc=IN IP6 2001:db8::7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"

// RFC 3264 §8: what one leg is shown is one session, each time newer by one, whoever
// has described it, and nothing else of it is changed.
func TestOneSessionForEachLeg(t *testing.T) {
	var o, other origin
	if got := o.again(); got != nil {
		t.Errorf("before anything it is shown %q", got)
	}
	var id, first int
	for i, sdp := range [][]byte{o.silent(false), o.silent(true), o.of([]byte(bobs)), o.of([]byte(bobs))} {
		var now, version int
		line := "o" + strings.SplitN(strings.SplitN(string(sdp), "\r\no", 2)[1], "\r\n", 2)[0]
		if _, err := fmt.Sscanf(line, "o=- %d %d IN ", &now, &version); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if i == 0 {
			id, first = now, version
		}
		if now != id || version != first+i || now == 0 {
			t.Errorf("description %d is of session %d version %d, the first of %d version %d", i, now, version, id, first)
		}
	}
	if got := string(o.again()); !strings.HasSuffix(got, strings.SplitN(bobs, "s=-", 2)[1]) || !strings.Contains(got, " IN IP6 2001:db8::7\r\n") {
		t.Errorf("it is shown\n%s", got)
	}
	other.silent(false)
	if other.id == o.id {
		t.Error("two legs have one session")
	}
}

func TestSilentOffers(t *testing.T) {
	var o origin
	if bare := string(o.silent(false)); strings.Contains(bare, "m=") {
		t.Errorf("an offer without media has some:\n%s", bare)
	}
	if held := string(o.silent(true)); !strings.Contains(held, "m=audio 9 ") || !strings.Contains(held, "a=inactive\r\n") {
		t.Errorf("something flows on\n%s", held)
	}
}

// What is no session description passes as it is: nobody's phone is hurt by it here.
func TestWhatIsNoDescription(t *testing.T) {
	for _, text := range []string{"", "o=", "o=a b c d e f g\r\n", "\r\n\r\n", "v=0"} {
		var o origin
		if got := string(o.of([]byte(text))); got != text {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

func FuzzOrigin(f *testing.F) {
	f.Add([]byte(bobs))
	f.Fuzz(func(t *testing.T, b []byte) {
		var o origin
		if got := o.of(b); len(got) > 2*len(b)+64 {
			t.Fatalf("%d bytes become %d", len(b), len(got))
		}
	})
}
