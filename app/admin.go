package app

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"

	"lamplight/control"
	"lamplight/metrics"
)

// Version is the program's; what is built for a release sets it.
var Version = "development"

// openAdmin opens the listener of health and metrics. It answers before there is
// a server, so that a start that takes its time is not taken for dead.
func (p *Process) openAdmin() error {
	if p.settings.Admin == "" {
		return nil
	}
	l, err := net.Listen("tcp", p.settings.Admin)
	if err != nil {
		return fmt.Errorf("--admin: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", p.healthz)
	mux.HandleFunc("GET /readyz", p.readyz)
	mux.Handle("GET /metrics", p.started(func() http.Handler { return p.Metrics() }))
	if p.settings.Memory() {
		mux.Handle("/control/", p.started(p.commands))
	}
	p.admin = l.Addr().String()
	p.serve(l, mux)
	return nil
}

// openSocket opens the listener of the commands.
func (p *Process) openSocket() error {
	if p.settings.Memory() {
		return nil
	}
	l, err := control.Listen(p.settings.Data)
	if err != nil {
		return err
	}
	p.serve(l, p.commands())
	return nil
}

// commands answers the commands.
func (p *Process) commands() http.Handler {
	return control.Handler(p.People(), p.health, control.Operations{SetLogLevel: p.setLogLevel, Trace: p.Trace, History: p.history, Call: p.call,
		Watchers: p.watchers, Answer: p.orderAnswer, ViewAs: p.viewed,
		State: p.userState, Explain: p.explain, Calendar: p.calendarOf, SetCalendar: p.orderCalendar, DND: p.orderDND, Status: p.orderStatus, Forwarding: p.orderForwarding})
}

// started is a handler that is made once the server is there; before, it answers
// 503.
func (p *Process) started(handler func() http.Handler) http.Handler {
	made := sync.OnceValue(handler)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.phase.Load() == starting {
			http.Error(w, "starting", http.StatusServiceUnavailable)
			return
		}
		made().ServeHTTP(w, r)
	})
}

// setLogLevel logs more or less from now on.
func (p *Process) setLogLevel(name string) error {
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, name) {
		return fmt.Errorf("log level %q: want debug, info, warn or error", name)
	}
	return p.level.UnmarshalText([]byte(name))
}

// Metrics shows what the stages count.
func (s *Server) Metrics() http.Handler { return metrics.Handler(s.sources()) }

// Metrics shows what the stages count, and the web listener.
func (p *Process) Metrics() http.Handler {
	from := p.sources()
	if p.web != nil {
		from.Streams = p.web
	}
	return metrics.Handler(from)
}

func (s *Server) sources() metrics.Sources {
	return metrics.Sources{Transactions: s.layer, Names: s.names, ESC: s.esc, Notifier: s.notifier, Registrar: s.registrar, Calls: s.calls, Proxy: s.proxy, HEP: s.hep, Calendars: s.calendars,
		Events: s.events, Version: Version}
}

// serve answers on a listener until the process ends.
func (p *Process) serve(l net.Listener, h http.Handler) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- control.Serve(ctx, l, h) }()
	p.closers = append(p.closers, func() error {
		stop()
		return <-done
	})
}

func (p *Process) health() control.Health {
	return control.Health{Version: Version, Ready: p.state() == "serving"}
}

// state is what the process does, in a word.
func (p *Process) state() string {
	phase := p.phase.Load()
	if phase == starting {
		return "starting"
	}
	select {
	case <-p.Ended():
		return "ended"
	default:
	}
	if phase == leaving {
		return "leaving"
	}
	return "serving"
}

// healthz is for whoever watches over the process: it says no when starting the
// process anew is all that helps.
func (p *Process) healthz(w http.ResponseWriter, _ *http.Request) {
	state := p.state()
	tell(w, state, state != "ended")
}

// readyz is for whoever sends requests here: it says no before the server serves,
// and when it is about to stop.
func (p *Process) readyz(w http.ResponseWriter, _ *http.Request) {
	state := p.state()
	tell(w, state, state == "serving")
}

func tell(w http.ResponseWriter, state string, well bool) {
	if !well {
		http.Error(w, state, http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}
