package transaction

import (
	"fmt"
	"testing"
	"time"

	"lamplight/sip"
)

// BenchmarkTable is what the table of server transactions costs for one request
// when it is as full as it gets: 10,000 requests a second, each kept for 32 s.
// Seconds are made to pass by moving the table's beginning back.
func BenchmarkTable(b *testing.B) {
	const each = 10_000
	var s servers
	s.init(1 << 30)
	m := new(sip.Message)
	text := []byte("PUBLISH sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-000000000\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 000000000 PUBLISH\r\n\r\n")
	if err := m.Parse(text); err != nil {
		b.Fatal(err)
	}
	via, _ := m.TopVia()
	branch, cseq := via.Branch(), m.Value(sip.CSeq)
	response := make([]byte, 350)
	n := 0
	one := func() {
		n++
		for i, v := 8, n; i >= 0; i-- {
			c := byte('0' + v%10)
			branch[len("z9hG4bK-")+i], cseq[i] = c, c
			v /= 10
		}
		k := s.keyOf(m)
		if how, _ := s.begin(k, m, nil); how != fresh {
			b.Fatal(how)
		}
		s.answered(k, response)
		if n%each == 0 {
			s.began = s.began.Add(-time.Second)
			s.expire(time.Now())
		}
	}
	for range 40 * each {
		one()
	}
	b.ReportAllocs()
	for b.Loop() {
		one()
	}
	b.ReportMetric(float64(s.open.Load()), "kept")
}

// When all is over nothing is left, and the count is right whichever way a
// transaction went.
func TestTheTableEmpties(t *testing.T) {
	var s servers
	s.init(1 << 30)
	pass := func() {
		s.began = s.began.Add(-time.Second)
		s.expire(time.Now())
	}
	open := map[key]uint32{}
	m := new(sip.Message)
	for i := range 3000 {
		text := fmt.Sprintf("PUBLISH sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-%d\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: %d PUBLISH\r\n\r\n", i, i)
		if err := m.Parse([]byte(text)); err != nil {
			t.Fatal(err)
		}
		k := s.keyOf(m)
		if how, _ := s.begin(k, m, nil); how != fresh {
			t.Fatalf("request %d is %v", i, how)
		}
		open[k] = s.second()
		switch i % 4 {
		case 0:
			s.answered(k, make([]byte, i))
		case 1:
			s.forget(k, m)
			delete(open, k)
			if how, _ := s.begin(k, m, nil); how != fresh {
				t.Fatalf("request %d is %v after it was forgotten", i, how)
			}
			open[k] = s.second()
		case 2:
			for range i % 5 {
				pass()
			}
			s.answered(k, make([]byte, 10))
			open[k] = s.second()
		}
		if how, b := s.begin(k, m, nil); how != repeated || i%4 == 0 && len(b) != i || i%4 == 2 && len(b) != 10 {
			t.Fatalf("request %d is %v again, %d bytes", i, how, len(b))
		}
		want := int64(0)
		for k, second := range open {
			if s.second() < second+kept {
				want++
			} else {
				delete(open, k)
			}
		}
		if got := s.open.Load(); got != want {
			t.Fatalf("after request %d %d are open, want %d", i, got, want)
		}
	}
	for range 3 * kept {
		pass()
	}
	if n := s.open.Load(); n != 0 {
		t.Errorf("%d are open", n)
	}
	for i := range s.shards {
		if sh := &s.shards[i]; len(sh.young)+len(sh.old)+len(sh.slabs) != 0 {
			t.Errorf("shard %d keeps %d, %d and %d slabs", i, len(sh.young), len(sh.old), len(sh.slabs))
		}
	}
	if again := s.expire(time.Now().Add(time.Second)); again != 0 {
		t.Errorf("the clock goes on: %v", again)
	}
}

// After a stop of the whole process, what was missed is not sent all at once.
func TestAStopDoesNotBurst(t *testing.T) {
	var c clients
	c.init()
	slot, id, err := c.reserve()
	if err != nil {
		t.Fatal(err)
	}
	c.begin(slot, client{id: id, method: sip.NOTIFY, message: &buffer{b: []byte("x")}, exchange: quiet{}})
	now := time.Now()
	for _, step := range []struct {
		stop    time.Duration
		sent    int
		failed  bool
		comment string
	}{
		{20 * time.Second, 1, false, "after 20 s"},
		{tickLength, 0, false, "a tick later"},
		{2 * time.Second, 1, false, "when the next is due"},
		{time.Hour, 0, true, "after an hour"},
	} {
		now = now.Add(step.stop)
		list, _ := c.due(now)
		sent, failed := 0, false
		for _, d := range list {
			if d.exchange != nil {
				failed = true
			} else {
				sent++
			}
		}
		if sent != step.sent || failed != step.failed {
			t.Errorf("%s: %d sent, failed %v; want %d, %v", step.comment, sent, failed, step.sent, step.failed)
		}
	}
}

type quiet struct{}

func (quiet) Response(*sip.Message) {}
func (quiet) Failed(error)          {}
