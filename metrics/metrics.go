// Package metrics shows what the others count in the format of Prometheus, on
// the admin listener. It counts nothing itself, asks no owner, and no name or
// label comes from what a peer sends, so that the number of series is bounded.
package metrics

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"lamplight/call"
	"lamplight/esc"
	"lamplight/event"
	"lamplight/notifier"
	"lamplight/proxy"
	"lamplight/registrar"
	"lamplight/sip/hep"
	"lamplight/sip/resolve"
	"lamplight/sip/transaction"
)

// Sources are whose counters are shown.
type Sources struct {
	Transactions *transaction.Layer
	Names        *resolve.Sender
	ESC          *esc.Compositor
	Notifier     *notifier.Notifier
	Registrar    *registrar.Registrar // nil: the role is off
	Calls        *call.Calls
	Proxy        *proxy.Proxy // nil: the role is off
	Calendars    Calendars
	Streams      Streams      // nil: there is no web
	HEP          *hep.Sender  // nil: nobody gets copies
	Events       []event.Name // the packages served
	Version      string
}

// Calendars count what becomes of users' calendars.
type Calendars interface {
	Live() (all, failing int)
	Counts() (fetched, unchanged, failed uint64)
}

// Streams count the streams of lamps to browsers and programs.
type Streams interface{ Streams() int }

// Handler answers a scrape.
func Handler(s Sources) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(&collector{s}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

// prefix is before all names of ours.
const prefix = "lamplight_"

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prefix+name, help, labels, nil)
}

var (
	buildInfo = desc("build_info", "The program's version.", "version")

	requests      = desc("sip_requests_total", "Requests received, without retransmissions.", "method", "transport")
	responses     = desc("sip_responses_total", "Responses sent, without retransmissions.", "method", "class")
	transactions  = desc("sip_transactions", "Transactions: server ones open or kept for retransmissions, client ones that wait.", "side")
	received      = desc("sip_responses_received_total", "Responses received.")
	unmatched     = desc("sip_responses_unmatched_total", "Responses received that answer nothing.")
	sent          = desc("sip_requests_sent_total", "Requests sent, without retransmissions.")
	retransmitted = desc("sip_retransmissions_total", "Retransmitted requests, by who sent them.", "by")
	timeouts      = desc("sip_timeouts_total", "Requests sent that nobody answered.")
	notAllowed    = desc("sip_requests_held_back_total", "Requests not sent, for the outbound list does not hold their target.")
	large         = desc("sip_requests_large_total", "Requests over 1,300 bytes sent over UDP, for there was no other way.")
	overloaded    = desc("sip_overloaded_total", "Requests refused for want of room.")
	connections   = desc("sip_connections_refused_total", "Connections refused, for there were too many.")
	limited       = desc("limit_total", "Requests and connections refused for a limit.", "limit")
	questions     = desc("stun_requests_total", "STUN messages received.")
	flows         = desc("sip_connections", "Connections that are open.", "transport")
	wrong         = desc("auth_failures_total", "Requests with wrong credentials.")
	malformed     = desc("parse_errors_total", "What was received and could not be read: message, framing of a connection, or published body.", "kind")
	took          = desc("sip_transaction_seconds", "From a request to its final response.", "method")

	copies    = desc("hep_messages_total", "Copies of messages for Homer, sent or dropped.", "result")
	queries   = desc("dns_queries_total", "Questions sent to name servers.")
	unnamed   = desc("dns_failures_total", "Questions that no name server answered.")
	failovers = desc("sip_failovers_total", "Requests sent to another target, for the one before failed.")

	calendars = desc("calendars", "Calendars of users: those that could be read last, and those that could not.", "state")
	fetches   = desc("calendar_fetches_total", "Attempts to read a calendar by what became of them.", "result")

	streams = desc("sse_clients", "Streams of lamps that browsers and programs read.")

	publications  = desc("publications", "Live publications.", "event")
	subscriptions = desc("subscriptions", "Live subscriptions.", "event")
	desertedSubs  = desc("subscriptions_lost_total", "Subscriptions that ended because the way to the subscriber was lost.", "event")
	desertedBinds = desc("registrations_lost_total", "Bindings that ended because their connection was lost.")
	bindings      = desc("registrations", "Live bindings.")
	followed      = desc("calls", "Calls that are followed, those that have just ended among them.")
	passed        = desc("proxy_calls_total", "Calls that were passed on, by what became of them.", "result")
	branches      = desc("proxy_branches_total", "Calls as they were passed on to one phone or gateway each.")
	diverted      = desc("proxy_diverted_total", "Calls that went on to somebody else.")
	pending       = desc("proxy_pending", "Requests passed on that wait for an answer: calls that ring.")
	notified      = desc("notify_total", "Notifications by their outcome.", "event", "result")
	queue         = desc("notify_queue", "Subscriptions with news that waits to be sent.", "event")
	coalesced     = desc("notify_coalesced_total", "Changes that a newer one overtook before a subscription was told.", "event")
	latency       = desc("notify_latency_seconds", "From a change of state to the answer of the NOTIFY that tells it.", "event")
)

// all are the metrics that are described; a scrape shows no others of ours.
var all = []*prometheus.Desc{buildInfo, requests, responses, transactions, received, unmatched, sent, retransmitted,
	timeouts, notAllowed, large, overloaded, connections, limited, flows, questions, wrong, malformed, took, calendars, fetches, streams, copies, queries, unnamed, failovers, publications, subscriptions, bindings, followed, passed, branches, diverted, pending,
	desertedSubs, desertedBinds, notified, queue, coalesced, latency}

// results are how outcomes are called.
var results = map[notifier.Outcome]string{
	notifier.Delivered: "delivered", notifier.Later: "failed", notifier.NoDialog: "no_dialog", notifier.Gone: "gone", notifier.Lost: "lost",
}

// collector reads the counters when it is asked.
type collector struct{ Sources }

func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range all {
		out <- d
	}
}

func (c *collector) Collect(out chan<- prometheus.Metric) {
	gauge(out, buildInfo, 1, c.Version)
	gauge(out, followed, float64(c.Calls.Live()))
	c.sip(out)
	for _, name := range c.Events {
		gauge(out, publications, float64(c.ESC.Publications(name)), string(name))
		c.notifications(out, name)
	}
	if c.Registrar != nil {
		gauge(out, bindings, float64(c.Registrar.Bindings()))
		counter(out, desertedBinds, c.Registrar.Deserted())
	}
	if c.Proxy != nil {
		c.Proxy.Each(func(result string, n uint64) { counter(out, passed, n, result) })
		counter(out, branches, c.Proxy.Branches.Load())
		counter(out, diverted, c.Proxy.Diverted.Load())
		gauge(out, pending, float64(c.Proxy.Pending()))
	}
	if c.Calendars != nil {
		all, failing := c.Calendars.Live()
		gauge(out, calendars, float64(all-failing), "read")
		gauge(out, calendars, float64(failing), "failing")
		fetched, unchanged, failed := c.Calendars.Counts()
		counter(out, fetches, fetched, "read")
		counter(out, fetches, unchanged, "unchanged")
		counter(out, fetches, failed, "failed")
	}
	if c.Streams != nil {
		gauge(out, streams, float64(c.Streams.Streams()))
	}
	if c.HEP != nil {
		counter(out, copies, c.HEP.Sent.Load(), "sent")
		counter(out, copies, c.HEP.Dropped.Load(), "dropped")
	}
}

func (c *collector) sip(out chan<- prometheus.Metric) {
	t := c.Transactions
	t.EachMethod(func(method, transport string, n uint64) {
		counter(out, requests, n, method, strings.ToLower(transport))
	}, func(method string, class int, n uint64) {
		counter(out, responses, n, method, strconv.Itoa(class)+"xx")
	})
	servers, clients := t.Open()
	gauge(out, transactions, float64(servers), "server")
	gauge(out, transactions, float64(clients), "client")
	counter(out, received, t.Responses.Load())
	counter(out, unmatched, t.Unmatched.Load())
	counter(out, sent, t.Sent.Load())
	counter(out, retransmitted, t.Resent.Load(), "us")
	counter(out, retransmitted, t.Absorbed.Load(), "peers")
	counter(out, timeouts, t.TimedOut.Load())
	counter(out, notAllowed, t.NotAllowed.Load())
	counter(out, large, t.Large.Load())
	counter(out, overloaded, t.Overloaded.Load())
	counter(out, connections, t.Refused.Load())
	counter(out, questions, t.STUN.Load())
	counter(out, wrong, t.AuthFailures.Load())
	counter(out, malformed, t.Malformed.Load(), "message")
	counter(out, malformed, t.Unframed.Load(), "framing")
	counter(out, malformed, t.BadBodies.Load(), "body")
	t.EachConnection(func(transport string, n int) { gauge(out, flows, float64(n), strings.ToLower(transport)) })
	t.EachDuration(func(method string, counts [len(transaction.Bounds) + 1]uint64, sum time.Duration) {
		histogram(out, took, transaction.Bounds[:], counts[:], sum, method)
	})
	t.EachLimit(func(limit string, n uint64) { counter(out, limited, n, limit) })
	counter(out, queries, c.Names.Resolver.Queries.Load())
	counter(out, unnamed, c.Names.Resolver.Failures.Load())
	counter(out, failovers, c.Names.Failovers.Load())
}

func (c *collector) notifications(out chan<- prometheus.Metric, name event.Name) {
	n := c.Notifier.Counters(name)
	gauge(out, subscriptions, float64(n.Live()), string(name))
	counter(out, desertedSubs, n.Deserted(), string(name))
	for outcome, result := range results {
		counter(out, notified, n.Ended(outcome), string(name), result)
	}
	gauge(out, queue, float64(n.Waiting()), string(name))
	counter(out, coalesced, n.Coalesced(), string(name))
	counts, sum := n.Took()
	histogram(out, latency, notifier.Bounds[:], counts[:], sum, string(name))
}

// histogram shows how many times were within each bound and not within the one
// before; the last count is that of those longer than all.
func histogram(out chan<- prometheus.Metric, d *prometheus.Desc, bounds []time.Duration, counts []uint64, sum time.Duration, labels ...string) {
	total, buckets := uint64(0), map[float64]uint64{}
	for i, count := range counts {
		if total += count; i < len(bounds) {
			buckets[bounds[i].Seconds()] = total
		}
	}
	out <- prometheus.MustNewConstHistogram(d, total, sum.Seconds(), buckets, labels...)
}

func counter(out chan<- prometheus.Metric, d *prometheus.Desc, n uint64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}
