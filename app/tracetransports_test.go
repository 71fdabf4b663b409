package app_test

import (
	"bytes"
	"crypto/tls"
	"runtime"
	"strings"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/config"
	"lamplight/sip/trace"
	"lamplight/sip/ua"
)

func tracedBy(t *testing.T, s *app.Server, user string) []trace.Message {
	t.Helper()
	list, err := s.Trace(user, 0)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// What was said inside TLS or a WebSocket can be looked at like the rest: the
// ladder names the transport, and the capture file holds it in clear.
func TestTraceOfEveryTransport(t *testing.T) {
	transports := []string{"udp", "tcp", "tls", "ws", "wss"}
	o := config.Serve{Data: "memory", Domain: []string{"example.test"}, Outbound: []string{"127.0.0.0/8"},
		Role: []string{"registrar", "presence"}, Limits: "on", NotifyRate: "on", TraceMessages: 1000}
	for _, transport := range transports {
		o.Listen = append(o.Listen, transport+":127.0.0.1:0")
	}
	s, err := app.New(app.Options{People: staff{}, Serve: o})
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	for i, transport := range transports {
		addr := s.Addrs()[i].String()
		watcher, err := ua.New(ua.Options{User: aor("bob"), Server: addr, Transport: transport, Password: "secret",
			TLS: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}})
		if err != nil {
			t.Fatalf("%s: %v", transport, err)
		}
		defer watcher.Close()
		before := len(tracedBy(t, s, "alice"))
		sub, err := watcher.Subscribe(soon(t), aor("alice"), "presence", ua.SubscribeOptions{Expires: time.Hour})
		if err == nil {
			_, err = sub.Next(soon(t))
		}
		if err != nil {
			t.Fatalf("%s: %v", transport, err)
		}
		var ladder []string
		said := tracedBy(t, s, "alice")[before:]
		for late := soon(t); len(said) < 6 && late.Err() == nil; { // the answer to the NOTIFY may be on its way
			runtime.Gosched()
			said = tracedBy(t, s, "alice")[before:]
		}
		for _, m := range said {
			first, _, _ := strings.Cut(string(m.Bytes), "\r\n")
			ladder = append(ladder, first)
			if m.Transport != strings.ToUpper(transport) || m.From.String() != addr && m.To.String() != addr || m.From == m.To {
				t.Errorf("%s: %s from %s to %s: %s", transport, m.Transport, m.From, m.To, first)
			}
		}
		if got := strings.Join(ladder, "\n"); !strings.Contains(got, "SUBSCRIBE sip:alice@example.test") || !strings.Contains(got, "NOTIFY sip:bob@") {
			t.Errorf("%s: the ladder is\n%s", transport, got)
		}
		var file bytes.Buffer
		if err := trace.Pcapng(&file, said); err != nil {
			t.Fatal(err)
		}
		if want := "SUBSCRIBE sip:alice@example.test SIP/2.0\r\nVia: SIP/2.0/" + strings.ToUpper(transport); !bytes.Contains(file.Bytes(), []byte(want)) {
			t.Errorf("%s: %q is not in the capture", transport, want)
		}
		if !bytes.Contains(file.Bytes(), []byte("<basic>closed</basic>")) || bytes.Contains(file.Bytes(), []byte("response=")) {
			t.Errorf("%s: no document in the capture, or credentials", transport)
		}
	}
}
