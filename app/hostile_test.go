package app_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/body/pidf"
	"lamplight/config"
	"lamplight/event/presence"
	"lamplight/sip/torture"
	"lamplight/sip/ua"
)

// A whole server on real sockets is set upon, and a good client goes on as if
// nothing were. How slow it may get is loose here, since other tests run beside
// it; `make soak` is strict.
const (
	looseLatency  = 10 * time.Second
	strictLatency = 50 * time.Millisecond
	mostGrowth    = 64 << 20 // bytes
)

// besieged is a server that others set upon, its addresses in the order of its
// listeners.
func besieged(t *testing.T, change func(*config.Serve)) []netip.AddrPort {
	t.Helper()
	o := app.Options{People: examples{}, Serve: config.Serve{Data: "memory", Domain: []string{"example.com"}, Listen: []string{"udp:127.0.0.1:0", "tcp:127.0.0.1:0", "tls:127.0.0.1:0"},
		Outbound: []string{"127.0.0.0/8"}, Role: []string{"registrar", "presence"}, Limits: "on", NotifyRate: "on",
		Limit: config.Limit{UserBurst: 1 << 20, UserRate: 1 << 20, SourceBurst: 1 << 20, SourceRate: 1 << 20, ConnectionFirst: config.Duration(2 * time.Second)}}}
	if change != nil {
		change(&o.Serve)
	}
	s, err := app.New(o)
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s.Addrs()
}

// good is a client that publishes again and again, and how long each took.
type good struct {
	agent *ua.Agent
	took  []time.Duration
}

func newGood(t *testing.T, transport string, server netip.AddrPort) *good {
	t.Helper()
	a, err := ua.New(ua.Options{User: "sip:alice@example.com", Server: server.String(), Transport: transport, Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return &good{agent: a}
}

// goesOn publishes every few milliseconds until it is told to end.
func (g *good) goesOn(t *testing.T, ended <-chan struct{}) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	p := ua.Publication{Event: "presence", Type: pidf.Type, Body: []byte(strings.ReplaceAll(state("alice", presence.Busy), "example.test", "example.com")), Expires: time.Hour}
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		began := time.Now()
		r, err := g.agent.Publish(ctx, p)
		cancel()
		if err != nil {
			t.Errorf("the good client: %v", err)
			return
		}
		g.took = append(g.took, time.Since(began))
		p.IfMatch, p.Body, p.Type = r.ETag, nil, ""
		select {
		case <-ended:
			return
		case <-tick.C:
		}
	}
}

// percentile99 is how long all took but the slowest hundredth.
func (g *good) percentile99() time.Duration {
	slices.Sort(g.took)
	return g.took[len(g.took)*99/100]
}

func (g *good) check(t *testing.T) {
	t.Helper()
	most := looseLatency
	if soak() > 0 {
		most = strictLatency
	}
	p99 := g.percentile99()
	t.Logf("the good client: %d requests, 99 of 100 within %v", len(g.took), p99)
	if p99 > most {
		t.Errorf("99 of 100 requests take up to %v, more than %v", p99, most)
	}
}

// heap is how much is held after what can be given back is.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// ammunition is messages to begin with: ours, and the corpus where it is at hand.
func ammunition(t *testing.T) (list [][]byte) {
	for _, m := range torture.Messages {
		list = append(list, m.Bytes())
	}
	own := len(list)
	files, _ := filepath.Glob("../../shared/corpus/*/*.dat")
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, b[:min(len(b), 60000)])
	}
	t.Logf("%d messages of ours, %d of the corpus", own, len(files))
	return list
}

// mutate makes something else of a message: bytes changed, parts lost, doubled,
// exchanged with another's, or made long.
func mutate(r *rand.Rand, b, other []byte) []byte {
	b = bytes.Clone(b)
	for range 1 + r.IntN(4) {
		if len(b) == 0 {
			break
		}
		i := r.IntN(len(b))
		j := min(i+r.IntN(40), len(b))
		switch r.IntN(7) {
		case 0:
			b[i] = byte(r.Uint32())
		case 1:
			b[i] ^= 1 << r.IntN(8)
		case 2:
			b = slices.Delete(b, i, j)
		case 3:
			b = slices.Insert(b, i, b[i:j]...)
		case 4:
			k := r.IntN(len(other) + 1)
			b = slices.Insert(b, i, other[k:min(k+r.IntN(100), len(other))]...)
		case 5:
			b = slices.Insert(b, i, bytes.Repeat(b[i:min(i+1+r.IntN(4), len(b))], r.IntN(500))...)
		case 6:
			b = slices.Insert(b, i, []byte([]string{"\r\n", "\n", "\r", "\x00", "\"", "<", ">", ";", ",", "%", "%00", "-1", "4294967296", "\xff\xfe", ": ", "sip:", "z9hG4bK"}[r.IntN(17)])...)
		}
	}
	return b[:min(len(b), 65000)]
}

// bombard sends mutations to servers for a time, some 15,000 a second where the
// machine can.
func bombard(t *testing.T, d time.Duration, servers ...netip.AddrPort) {
	t.Helper()
	list := ammunition(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 66, 6, 6)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() { _, _ = io.Copy(io.Discard, c) }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	sent, began := 0, time.Now()
	for time.Since(began) < d {
		for range 150 {
			b := mutate(r, list[r.IntN(len(list))], list[r.IntN(len(list))])
			for _, s := range servers {
				_, _ = c.WriteToUDPAddrPort(b, s)
				sent++
			}
		}
		<-tick.C
	}
	t.Logf("%d messages, %.0f a second", sent, float64(sent)/time.Since(began).Seconds())
}

// bombards is the hostile run over UDP. What is not refused for want of
// credentials gets further in a server that believes everybody.
func bombards(t *testing.T, d time.Duration) {
	asking := besieged(t, nil)[0]
	believing := besieged(t, func(c *config.Serve) { c.InsecureNoAuth, c.Limits = true, "on" })[0]
	g := newGood(t, "udp", asking)
	ended := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() { g.goesOn(t, ended) })
	bombard(t, d/4, asking, believing) // to warm up
	before := heap()
	bombard(t, d, asking, believing)
	close(ended)
	running.Wait()
	after := heap()
	t.Logf("%d KiB are held, after %d", after>>10, before>>10)
	if after > before+mostGrowth {
		t.Errorf("memory grows from %d to %d bytes", before, after)
	}
	g.check(t)
	for _, s := range []netip.AddrPort{asking, believing} {
		still := newGood(t, "udp", s)
		if _, err := still.agent.Register(t.Context(), time.Hour); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	}
}

// No datagram stops it, slows others down or stays in memory.
func TestHostileDatagrams(t *testing.T) { bombards(t, 2*time.Second) }

func TestSoakHostileDatagrams(t *testing.T) {
	if d := soak(); d > 0 {
		bombards(t, d)
	}
}

// The same over connections, of which each ends when its framing is lost.
func TestHostileStreams(t *testing.T) {
	addrs := besieged(t, nil)
	g := newGood(t, "tcp", addrs[1])
	ended := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() { g.goesOn(t, ended) })
	list := ammunition(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 66, 6, byte(r.IntN(250)))}}).Dial("tcp", addrs[1].String())
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if _, err := c.Write(mutate(r, list[r.IntN(len(list))], list[r.IntN(len(list))])); err != nil {
				break
			}
		}
		_ = c.Close()
	}
	close(ended)
	running.Wait()
	g.check(t)
}

// attacker is a connection that does not do what it is for.
type attacker struct {
	net.Conn
	drips bool
}

// slow sets upon a server with connections that take their time, so many from
// each of some addresses, and wants them all gone in time.
func slow(t *testing.T, addresses, each int) {
	addrs := besieged(t, nil)
	var goods []*good
	ended := make(chan struct{})
	var running sync.WaitGroup
	for i, transport := range []string{"udp", "tcp"} {
		g := newGood(t, transport, addrs[i])
		goods = append(goods, g)
		running.Go(func() { g.goesOn(t, ended) })
	}
	var attackers []*attacker
	for i := range addresses {
		for j := range each {
			a := attack(t, addrs, byte(i+1), j)
			t.Cleanup(func() { _ = a.Close() })
			attackers = append(attackers, a)
		}
	}
	g := newGood(t, "tcp", addrs[1]) // comes when they are there
	goods = append(goods, g)
	running.Go(func() { g.goesOn(t, ended) })

	began, left := time.Now(), atomic.Int64{}
	left.Store(int64(len(attackers)))
	var leaving sync.WaitGroup
	for _, a := range attackers {
		leaving.Go(func() {
			_ = a.SetDeadline(began.Add(30 * time.Second))
			if a.drips {
				go a.drip()
			}
			if _, err := io.Copy(io.Discard, a); errors.Is(err, os.ErrDeadlineExceeded) {
				return
			}
			left.Add(-1)
		})
	}
	leaving.Wait()
	t.Logf("%d slow connections were gone after %v", len(attackers), time.Since(began))
	if n := left.Load(); n > 0 {
		t.Errorf("%d slow connections of %d are still there", n, len(attackers))
	}
	close(ended)
	running.Wait()
	for _, g := range goods {
		g.check(t)
	}
}

// attack is one slow connection of a kind that its number tells.
func attack(t *testing.T, addrs []netip.AddrPort, from byte, kind int) *attacker {
	to, begin := addrs[1], "PUBLISH sip:alice@example.com SIP/2.0\r\nVia: "
	switch kind % 5 {
	case 1:
		begin = "" // says nothing
	case 2:
		begin = "PUBLISH sip:alice@example.com SIP/2.0\r\nContent-Length: 100000\r\n\r\n" // and no body
	case 3:
		to, begin = addrs[2], "\x16\x03\x01\x02\x00\x01" // half a handshake
	case 4:
		to, begin = addrs[2], ""
	}
	c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 66, 7, from)}}).Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, begin)
	return &attacker{c, kind%5 == 0}
}

// drip says a byte now and then until the other side has had enough.
func (a *attacker) drip() {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := io.WriteString(a, "x"); err != nil {
			return
		}
	}
}

// Slow connections are gone soon, and hold nobody up.
func TestHostileSlowConnections(t *testing.T) { slow(t, 5, 80) }

func TestSoakSlowConnections(t *testing.T) {
	if soak() > 0 {
		slow(t, 20, 100)
	}
}

// From one address more than it may have: who says something gets in.
func TestHostileCrowd(t *testing.T) {
	addrs := besieged(t, nil)
	for i := range 300 {
		a := attack(t, addrs, 1, i)
		defer a.Close()
	}
	c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 66, 7, 1)}}).Dial("tcp", addrs[1].String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = fmt.Fprint(c, smuggler)
	b := make([]byte, 100)
	if n, err := c.Read(b); err != nil || !strings.HasPrefix(string(b[:n]), "SIP/2.0 401 ") {
		t.Errorf("%q, %v", b[:n], err)
	}
	secure, err := tls.DialWithDialer(&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 66, 7, 1)}}, "tcp", addrs[2].String(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) // the server's own
	if err != nil {
		t.Fatal(err)
	}
	_ = secure.Close()
}
