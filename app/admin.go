package app

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"

	"lamplight/control"
	"lamplight/metrics"
)

// Version is the program's; what is built for a release sets it.
var Version = "development"

// manage opens the listeners of the commands and of health.
func (p *Process) manage() error {
	u := &users{p.people, p.PeopleChanged, false}
	handler := control.Handler(u, p.health, control.Operations{SetLogLevel: p.setLogLevel, Trace: p.Trace})
	if !p.settings.Memory() {
		l, err := control.Listen(p.settings.Data)
		if err != nil {
			return err
		}
		p.serve(l, handler)
	}
	if p.settings.Admin == "" {
		return nil
	}
	l, err := net.Listen("tcp", p.settings.Admin)
	if err != nil {
		return fmt.Errorf("--admin: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", p.answerHealth)
	mux.HandleFunc("GET /readyz", p.answerHealth)
	mux.Handle("GET /metrics", p.Metrics())
	if p.settings.Memory() {
		mux.Handle("/control/", handler)
	}
	p.admin = l.Addr().String()
	p.serve(l, mux)
	return nil
}

// setLogLevel logs more or less from now on.
func (p *Process) setLogLevel(name string) error {
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, name) {
		return fmt.Errorf("log level %q: want debug, info, warn or error", name)
	}
	return p.level.UnmarshalText([]byte(name))
}

// Metrics shows what the stages count.
func (s *Server) Metrics() http.Handler {
	return metrics.Handler(metrics.Sources{Transactions: s.layer, ESC: s.esc, Notifier: s.notifier, Registrar: s.registrar,
		Events: s.events, Version: Version})
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

func (p *Process) health() control.Health { return control.Health{Version: Version, Ready: p.alive()} }

func (p *Process) alive() bool {
	select {
	case <-p.Ended():
		return false
	default:
		return true
	}
}

// answerHealth is for whoever watches over the process: while it answers, the
// server has started, and can go on.
func (p *Process) answerHealth(w http.ResponseWriter, _ *http.Request) {
	if !p.alive() {
		http.Error(w, "ended", http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}
