package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"lamplight/config"
	"lamplight/store"
	"lamplight/store/cold"
	"lamplight/store/hot"
	"lamplight/web"
)

// Process is a Server with its stores, as `lamplight serve` runs it.
type Process struct {
	*Server
	settings  config.Serve
	level     slog.LevelVar // of what is logged
	people    *cold.Store
	admin     string      // the admin listener's address; "": none
	web       *web.Server // nil: none
	webAddr   string
	setupLink string         // makes the first administrator; "": there is one
	phase     atomic.Int32   // of those below
	closers   []func() error // in the order of opening
}

// The phases of a process.
const (
	starting int32 = iota
	serving
	leaving
)

// Open opens the stores of the settings and starts a server on them, which logs
// to a writer.
func Open(c config.Serve, log io.Writer) (*Process, error) {
	p := &Process{settings: c}
	if err := p.setLogLevel(c.LogLevel); err != nil {
		return nil, err
	}
	o := Options{Serve: c, Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: &p.level}))}
	if err := p.open(&o); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *Process) open(o *Options) (err error) {
	if err := p.lock(); err != nil {
		return err
	}
	if err := p.openAdmin(); err != nil {
		return err
	}
	if p.people, err = p.openPeople(); err != nil {
		return err
	}
	o.People, o.Calendars, o.Policies = p.people, p.people, p.people
	o.Documents = p.people
	o.AddressBook = p.people
	if days := p.settings.HistoryDays; days > 0 {
		calls := cold.NewRecorder(p.people, time.Duration(days)*24*time.Hour, o.Logger)
		p.closers = append(p.closers, calls.Close)
		o.History = calls
	}
	if !p.settings.Memory() {
		journal, err := hot.Open(p.settings.Data)
		if err != nil {
			return err
		}
		p.closers = append(p.closers, journal.Close)
		o.Journal = journal
	}
	if p.Server, err = New(*o); err != nil {
		return err
	}
	if err := p.Start(); err != nil {
		return err
	}
	if err := p.openWeb(); err != nil {
		return errors.Join(err, p.Stop())
	}
	p.phase.Store(serving)
	return p.openSocket()
}

// lock keeps other servers and commands away from the data directory.
func (p *Process) lock() error {
	if p.settings.Memory() {
		return nil
	}
	wait, cancel := context.WithTimeout(context.Background(), lockWait)
	defer cancel()
	l, err := store.Lock(wait, p.settings.Data)
	if err != nil {
		return err
	}
	p.closers = append(p.closers, l.Close)
	return nil
}

// openPeople opens the store of domains and users; a domain of the settings
// that is new is made, with its realm for ever.
func (p *Process) openPeople() (people *cold.Store, err error) {
	if p.settings.Memory() {
		people, err = cold.OpenMemory()
	} else {
		people, err = cold.Open(p.settings.Data)
	}
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, people.Close)
	for _, d := range p.settings.Domain {
		if err := people.AddDomain(d); err != nil {
			return nil, err
		}
	}
	return people, nil
}

// Addresses are where it listens, as the settings write them.
func (p *Process) Addresses() (list []string) {
	for i, a := range p.Addrs() {
		transport, _, _ := strings.Cut(p.settings.Listen[i], ":")
		list = append(list, transport+":"+a.String())
	}
	if p.admin != "" {
		list = append(list, "admin:"+p.admin)
	}
	if p.webAddr != "" {
		list = append(list, "web:"+p.webAddr)
	}
	return list
}

// Run goes on until the context ends, and drains then; or until the server can
// go on no longer, which is its error.
func (p *Process) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
		p.leave()
	case <-p.Ended():
	}
	if p.web != nil {
		p.web.Close() // a browser comes back for its stream
	}
	err := p.Stop() // the listeners of commands end with the stores
	if closed := p.close(); err == nil {
		err = closed
	}
	return err
}

// leave says that the process is about to end, and serves on until it was seen:
// only then is anything refused.
func (p *Process) leave() {
	p.phase.Store(leaving)
	p.Leave()
	if p.admin == "" {
		return
	}
	select {
	case <-time.After(time.Duration(p.settings.Drain)):
	case <-p.Ended():
	}
}

// close closes what was opened, the last first.
func (p *Process) close() (first error) {
	for i := len(p.closers) - 1; i >= 0; i-- {
		if err := p.closers[i](); err != nil && first == nil {
			first = fmt.Errorf("close: %w", err)
		}
	}
	p.closers = nil
	return first
}
