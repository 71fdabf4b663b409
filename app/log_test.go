package app_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"lamplight/app"
)

// logged are the lines of a log in JSON that hold some words.
func logged(t *testing.T, log *bytes.Buffer, words ...string) (found []map[string]any) {
	t.Helper()
	for line := range strings.Lines(log.String()) {
		all := true
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if !all {
			continue
		}
		var one map[string]any
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		found = append(found, one)
	}
	return found
}

// What is refused and what fails is told in a line that names whom it concerns,
// and holds nothing that is secret or private.
func TestLog(t *testing.T) {
	var log bytes.Buffer
	talkative := func(o *app.Options) {
		o.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	inOffice(t, talkative, func(o *office) {
		alice, bob := o.handset("alice"), o.handset("bob")
		private := strings.Replace(busy, "</tuple>", "<note>Surgery</note></tuple>", 1)
		d := bob.subscribe("alice")
		d.next()
		bob.status.Store(500)
		tag := alice.publish("alice", private)
		bob.next()
		alice.do("PUBLISH", aor("alice"), "SIP-If-Match: unknown", private)
		alice.do("PUBLISH", aor("alice"), "SIP-If-Match: "+tag, "<presence>Surgery</broken>")
		alice.do("PUBLISH", aor("bob"), private)
		wrong := strings.Replace(alice.authorization("PUBLISH", aor("alice")), `response="`, `response="0`, 1)
		alice.exchange(alice.request("PUBLISH", aor("alice"), wrong, private))
		alice.exchange(alice.request("INVITE", "sip:bob:hunter2@example.test"))
		bob.status.Store(0)
		alice.publish("alice", "SIP-If-Match: "+tag, private)
		o.advance(2 * time.Minute)
	})
	refused := logged(t, &log, `"refused"`, "PUBLISH", `"status":412`)
	if len(refused) != 1 || refused[0]["aor"] != "sip:alice@example.test" || refused[0]["source"] != "203.0.113.1:5060" ||
		!strings.HasPrefix(refused[0]["call_id"].(string), "call-alice-") || refused[0]["level"] != "INFO" {
		t.Errorf("412: %v", refused)
	}
	for what, words := range map[string][]string{
		"the challenge": {"DEBUG", `"status":401`}, "the wrong password": {"INFO", `"status":401`, "PUBLISH"},
		"another's state": {`"status":403`, "sip:bob@example.test"}, "the broken body": {`"status":400`, "the body cannot be read"},
		"the scanner":        {"INVITE", `"status":405`, "sip:bob@example.test"},
		"the refused NOTIFY": {"notification failed", `"status":500`, "sip:alice@example.test", "203.0.113.2:5060"},
		"the silent phone":   {"notification failed", `"status":0`, "no final response in time"},
	} {
		if len(logged(t, &log, words...)) == 0 {
			t.Errorf("%s: no line with %q in\n%s", what, words, log.String())
		}
	}
	for _, secret := range []string{"Surgery", "hunter2", "Digest", "response=", "nonce", "secret", "<presence", "tuple"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q:\n%s", secret, log.String())
		}
	}
}

// A flood of requests is no flood of lines.
func TestLogOfAFlood(t *testing.T) {
	var log bytes.Buffer
	quietly := func(o *app.Options) { o.Logger = slog.New(slog.NewJSONHandler(&log, nil)); o.Limits = "off" }
	inOffice(t, quietly, func(o *office) {
		h := o.handset("alice")
		for range 500 {
			h.exchange(h.request("INVITE", aor("bob")))
		}
		o.advance(time.Second)
		h.exchange(h.request("INVITE", aor("bob")))
	})
	if n := len(logged(t, &log, `"refused"`)); n != 101 {
		t.Errorf("%d lines, want 101", n)
	}
	if held := logged(t, &log, "held_back"); len(held) != 1 || held[0]["held_back"] != 400.0 {
		t.Errorf("held back: %v", held)
	}
}
