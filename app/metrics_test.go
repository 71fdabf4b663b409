package app_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lamplight/event/presence"
	"lamplight/sip/ua"
)

// scrape is what the metrics say, by name and labels.
func (o *office) scrape() map[string]string {
	o.Helper()
	w := httptest.NewRecorder()
	o.server.Metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		o.Fatalf("metrics: %d\n%s", w.Code, w.Body)
	}
	values := map[string]string{}
	for line := range strings.Lines(w.Body.String()) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			values[name] = value
		}
	}
	return values
}

func (o *office) expectMetrics(want map[string]string) {
	o.Helper()
	got := o.scrape()
	for name, value := range want {
		if got[name] != value {
			o.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
}

// What is counted is what is there, also after a crash and a failed commit.
func TestMetrics(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		o.watch("bob", "alice", "presence")
		o.expectNotify("bob", "alice", presence.Offline)
		o.publish("alice", presence.Busy)
		o.expectNotify("bob", "alice", presence.Busy)
		if _, err := o.agent("alice").Register(soon(o), time.Hour); err != nil {
			o.Fatal(err)
		}
		o.advance(time.Second)
		live := map[string]string{
			`lamplight_subscriptions{event="presence"}`: "1", `lamplight_subscriptions{event="dialog"}`: "0",
			`lamplight_publications{event="presence"}`: "1", `lamplight_registrations`: "1",
		}
		o.expectMetrics(live)
		o.expectMetrics(map[string]string{
			`lamplight_sip_requests_total{method="SUBSCRIBE",transport="udp"}`:   "2",
			`lamplight_sip_responses_total{class="2xx",method="SUBSCRIBE"}`:      "1",
			`lamplight_sip_responses_total{class="4xx",method="SUBSCRIBE"}`:      "1",
			`lamplight_notify_total{event="presence",result="failed"}`:           "0",
			`lamplight_notify_latency_seconds_bucket{event="presence",le="0.5"}`: o.scrape()[`lamplight_notify_latency_seconds_count{event="presence"}`],
			`lamplight_sip_transactions{side="client"}`:                          "0",
			`lamplight_build_info{version="development"}`:                        "1",
		})
		if o.scrape()[`lamplight_notify_latency_seconds_count{event="presence"}`] == "0" {
			o.Error("no change was timed")
		}
		o.journal.Fail(func(int) (bool, bool) { return true, false })
		if _, err := o.agent("alice").Publish(soon(o), ua.Publication{Event: "presence", Expires: time.Hour, IfMatch: o.tags["alice presence"]}); err == nil {
			o.Error("nothing failed")
		}
		o.journal.Fail(nil)
		o.advance(time.Second) // what the failed turn touched is read again
		o.expectMetrics(live)
		o.crash()
		o.expectMetrics(live)
		o.unpublish("alice", "presence")
		o.advance(2 * time.Hour)
		o.expectMetrics(map[string]string{`lamplight_publications{event="presence"}`: "0", `lamplight_registrations`: "0"})
	})
}

// A phone that answers no more is seen, and series are bounded whatever is sent.
func TestMetricsOfStrangers(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		h := o.handset("alice")
		h.subscribe("bob")
		h.status.Store(0)
		o.publish("bob", presence.Busy)
		for _, method := range []string{"EVIL", "EVIL2", "OPTIONS"} {
			h.exchange(h.request(method, aor("bob")))
		}
		h.send(strings.Repeat("x", 100))
		o.advance(time.Minute)
		o.expectMetrics(map[string]string{
			`lamplight_sip_requests_total{method="other",transport="udp"}`: "2",
			`lamplight_notify_total{event="presence",result="failed"}`:     "1",
			`lamplight_sip_timeouts_total`:                                 "1",
			`lamplight_parse_errors_total{kind="message"}`:                 "1",
		})
		for name := range o.scrape() {
			if strings.Contains(name, "EVIL") || strings.Contains(name, "example.test") {
				o.Errorf("a peer names %s", name)
			}
		}
	})
}

// What an operator has to know of the rest: how long answers take, what waits,
// and who is refused.
func TestMetricsOfWhatGoesWrong(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice, bob := o.handset("alice"), o.handset("bob")
		bob.subscribe("alice")
		bob.next()
		bob.status.Store(0)
		for _, s := range []presence.State{presence.Busy, presence.Away, presence.Busy} {
			alice.publish("alice", state("alice", s))
		}
		o.expectMetrics(map[string]string{`lamplight_notify_queue{event="presence"}`: "1", `lamplight_notify_coalesced_total{event="presence"}`: "0"})
		short := o.handset("bob")
		short.subscribe("alice", "Event: presence;id=2", "Expires: 60")
		short.next()
		short.status.Store(0)
		alice.publish("alice", state("alice", presence.Away))
		alice.publish("alice", state("alice", presence.DND))
		o.expectMetrics(map[string]string{`lamplight_notify_queue{event="presence"}`: "2"})
		short.status.Store(489) // to the retransmission: it ends with news that nobody gets
		bob.status.Store(200)
		o.advance(2 * time.Minute)
		if got := o.scrape()[`lamplight_notify_coalesced_total{event="presence"}`]; got == "0" {
			t.Error("nothing is coalesced")
		}
		bad := o.handset("alice")
		o.expect(bad.exchange(bad.request("PUBLISH", aor("alice"), strings.Replace(bad.authorization("PUBLISH", aor("alice")), `response="`, `response="0`, 1), busy)), "401 ")
		o.expect(alice.do("PUBLISH", aor("alice"), "<presence"), "400 ")
		o.expectMetrics(map[string]string{
			`lamplight_notify_queue{event="presence"}`:                             "0",
			`lamplight_notify_queue{event="dialog"}`:                               "0",
			`lamplight_auth_failures_total`:                                        "1",
			`lamplight_parse_errors_total{kind="body"}`:                            "1",
			`lamplight_parse_errors_total{kind="message"}`:                         "0",
			`lamplight_parse_errors_total{kind="framing"}`:                         "0",
			`lamplight_registrations_lost_total`:                                   "0",
			`lamplight_limit_total{limit="subscriptions"}`:                         "0",
			`lamplight_sip_transaction_seconds_count{method="PUBLISH"}`:            "7",
			`lamplight_sip_transaction_seconds_bucket{method="PUBLISH",le="+Inf"}`: "7",
		})
	})
}

// Calls are counted by what became of them.
func TestMetricsOfCalls(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		alice, bob := o.telephone("alice"), o.telephone("bob")
		c, in := o.talk(alice, bob)
		o.expectMetrics(map[string]string{`lamplight_proxy_calls_total{result="answered"}`: "1", `lamplight_proxy_branches_total`: "1", `lamplight_proxy_pending`: "0"})
		o.must(in.Hangup(soon(o)))
		o.reaches(c, ua.Ended)
		c = alice.call(aor("bob"))
		in = bob.rung()
		o.must(in.Ring())
		o.reaches(c, ua.Ringing)
		o.expectMetrics(map[string]string{`lamplight_proxy_pending`: "1"})
		o.must(c.Hangup(soon(o)))
		o.refusedWith(c, 487)
		c = alice.call(aor("bob"))
		o.must(bob.rung().Reject(486))
		o.refusedWith(c, 486)
		c = alice.call(aor("bob"))
		o.must(bob.rung().Reject(302, "Contact: <sip:carol@example.test>"))
		o.refusedWith(c, 480)
		for result, n := range map[string]string{"answered": "1", "cancelled": "1", "busy": "1", "unanswered": "1", "refused": "0", "failed": "0", "challenged": "0"} {
			o.expectMetrics(map[string]string{`lamplight_proxy_calls_total{result="` + result + `"}`: n})
		}
		o.expectMetrics(map[string]string{`lamplight_proxy_diverted_total`: "1", `lamplight_proxy_branches_total`: "4", `lamplight_proxy_pending`: "0"})
	})
}
