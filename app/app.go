// Package app puts the server together: spine.go connects the stages, packages.go
// lists the event packages, and Server starts and stops the whole. It holds no
// rule of any standard; those live in the stages.
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lamplight/call"
	"lamplight/config"
	"lamplight/directory"
	"lamplight/esc"
	"lamplight/event"
	"lamplight/notifier"
	"lamplight/owner"
	"lamplight/proxy"
	"lamplight/registrar"
	"lamplight/sip/digest"
	"lamplight/sip/hep"
	"lamplight/sip/resolve"
	"lamplight/sip/trace"
	"lamplight/sip/transaction"
	"lamplight/uas"
	"lamplight/xcap"
)

// People is where domains and users live.
type People interface {
	Load() ([]directory.Domain, []directory.User, error)
}

// Options of New. Only the settings are needed; the rest is for tests.
type Options struct {
	config.Serve
	Journal   owner.Journal // nothing is kept without one
	People    People
	Listen    func(network, addr string) (transaction.PacketConn, error) // nil: real sockets
	DialDNS   func(ctx context.Context, network, addr string) (net.Conn, error)
	Owners    owner.Options
	Logger    *slog.Logger
	Calendars CalendarStore // nil: nobody has one
	History   call.History  // of calls; nil: none is kept

	Documents Documents // of users; nil: none are kept

	AddressBook AddressBook // nil: users alone are found
	Policies    Policies    // rules and groups; nil: none are kept
}

// Server is one Lamplight server. It is made by New, runs between Start and
// Stop, and is not started again.
type Server struct {
	*spine
	found atomic.Pointer[func() finder]
	o     Options
	log   *slog.Logger
	ring  *trace.Ring // the last messages; nil: none are kept
	hep   *hep.Sender // nil: nobody gets copies
	addrs []netip.AddrPort

	stopOwners context.CancelFunc
	running    sync.WaitGroup
	ended      chan struct{} // closed when the owners are done
	failed     error         // why they ended by themselves
	xcap       *xcap.Server  // nil: no documents are kept
}

// New puts a server together. Nothing runs yet.
func New(o Options) (*Server, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	s := &Server{o: o, log: o.Logger, ended: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.observe(); err != nil {
		return nil, err
	}
	w, err := s.wiring()
	if err != nil {
		return nil, err
	}
	s.spine = connect(w)
	s.calendars = s.newCalendars()
	return s, errors.Join(s.reloadPeople(), s.newXCAP(), s.loadRules())
}

// wiring is what connect needs of the settings.
type wiring struct {
	book          *directory.Book
	registrar     bool
	proxy         bool
	presence      bool
	server        string // the presence server, where it is another; "": none is
	strangers     bool
	ports         []uint16 // that others know us by beside those listened on
	routes        []proxy.Route
	pickup        string
	publications  esc.Limits
	registrations registrar.Options
	subscriptions notifier.Options // its limits
	grace         time.Duration    // what is left of those whose connection is lost
	natPing       time.Duration
	rateOff       bool
	limitsOff     bool
	limits        config.Limit
	journal       owner.Journal
	owners        owner.Options
	history       call.History
	verifier      *digest.Verifier
	noAuth        bool
	trusted       uas.Trust
	profiles      []uas.Profile
	hideDND       bool
	voiceMail     string // its number; "": none
	xcapRoot      string // the URI of users' documents
	mwi           bool   // phones that did not subscribe are told of messages
	transport     transaction.Options
	resolver      resolve.Options
}

func (s *Server) wiring() (wiring, error) {
	networks, users := s.o.Peers()
	l := s.o.Limit.OrDefault()
	w := wiring{
		limits: l, book: &directory.Book{}, registrar: s.o.HasRole("registrar"), proxy: s.o.HasRole("proxy"), presence: s.o.HasRole("presence"), server: s.o.PresenceServer, rateOff: s.o.NotifyRate == "off", limitsOff: s.o.Limits == "off",
		grace: time.Duration(s.o.FlowGrace), natPing: time.Duration(s.o.NATPing),
		journal: s.o.Journal, history: s.o.History, owners: s.o.Owners, noAuth: s.o.InsecureNoAuth,
		verifier: digest.New(secret(), time.Now, digest.Options{NonceLife: time.Duration(l.NonceLife), Nonces: l.Nonces}),
		trusted:  uas.Trust{Networks: networks},
		profiles: Profiles(s.o.Serve), hideDND: s.o.HidesDND(), voiceMail: s.o.VoiceMail, xcapRoot: xcapRootOf(&s.o.Serve), mwi: s.o.MWI == "all",
		transport: transaction.Options{Listen: s.o.Listen, Logger: s.log, MaxOpen: l.Transactions, Limits: messageLimits(l), Streams: s.streams(l),
			Allow: s.allow(), Advertise: s.advertise(), Trace: s.tracing()},
	}
	w.resolver = resolve.Options{Dial: s.o.DialDNS, Logger: s.log, Own: func(host string) bool { return w.book.Load().Serves(host) }}
	var err error
	if w.resolver.Servers, err = config.NameServers(s.o.DNS); err != nil {
		return w, err
	}
	if w.transport.ServerTLS, err = s.serverTLS(); err != nil {
		return w, err
	}
	for _, u := range users {
		w.trusted.Users = append(w.trusted.Users, s.UserAoR(u))
	}
	w.strangers, w.pickup, w.ports = s.o.AllowStrangers, s.o.PickupCode, s.advertisedPorts()
	for _, r := range s.o.Route {
		w.routes = append(w.routes, proxy.Route(r))
	}
	w.limit()
	return w, nil
}

// streams are the limits of connections, and which pages may make one.
func (s *Server) streams(l config.Limit) transaction.StreamOptions {
	o := streamLimits(l)
	o.Origins = s.o.WSOrigin
	return o
}

// secret is that of the nonces: those of before a restart are stale.
func secret() (s [32]byte) {
	rand.Read(s[:]) // never fails
	return s
}

// UserAoR is the AoR of a user as commands write it: user[@domain].
func (s *Server) UserAoR(user string) event.AoR { return directory.UserAoR(user, s.o.Domain[0]) }

// allow is the outbound list; nil: anywhere.
func (s *Server) allow() func(netip.AddrPort) bool {
	networks, _ := s.o.Networks()
	if networks == nil {
		return nil
	}
	return func(to netip.AddrPort) bool {
		return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(to.Addr().Unmap()) })
	}
}

// advertise tells others another address than ours; loopback stays loopback.
func (s *Server) advertise() transaction.Advertise {
	if len(s.o.Advertise) == 0 {
		return nil
	}
	told := map[string]netip.AddrPort{}
	for _, a := range s.o.Advertise {
		transport, _, _ := strings.Cut(a, ":")
		told[strings.ToUpper(transport)], _ = config.AddrPort(a) // they were checked
	}
	return func(transport string, local, remote netip.AddrPort) netip.AddrPort {
		at, ok := told[transport]
		if !ok || remote.Addr().IsLoopback() && !at.Addr().IsLoopback() {
			return local
		}
		return at
	}
}

// advertisedPorts are those that others know us by.
func (s *Server) advertisedPorts() (ports []uint16) {
	for _, a := range s.o.Advertise {
		at, _ := config.AddrPort(a) // it was checked
		ports = append(ports, at.Port())
	}
	return ports
}

// PeopleChanged takes domains and users in as they are stored now, and asks
// policy about all subscriptions again. What users forced who are gone is
// forgotten: another of the same name is somebody else.
func (s *Server) PeopleChanged() error {
	before := s.book.Load()
	if err := s.reloadPeople(); err != nil {
		return err
	}
	for _, aor := range s.book.Load().Lost(before) {
		s.owners.Return(string(aor), owner.Func(func(t *owner.Turn) {
			s.policy.Set(aor, nil)
			s.esc.ReleaseAll(t, aor)
		}))
	}
	if err := s.loadCalendars(); err != nil {
		return err
	}
	again := !s.book.Load().SameDefaults(before)
	for p := range owner.Partitions {
		err := s.owners.PostPartition(byte(p), owner.Func(func(t *owner.Turn) {
			if again {
				s.notifier.AllChanged(t, byte(p))
			}
			s.notifier.AllRulesChanged(t, byte(p))
		}))
		if err != nil {
			return err
		}
	}
	return nil
}

// reloadPeople makes the stored domains and users those of the directory.
func (s *Server) reloadPeople() error {
	domains, users, err := s.people()
	if err != nil {
		return err
	}
	company, err := s.company(domains)
	if err != nil {
		return err
	}
	s.policy.Use(company)
	d := directory.New(domains, users, s.o.InsecureNoAuth)
	d.Follow(s.book.Load())
	s.book.Store(d)
	return s.find(d, users)
}

// Start opens the listeners and loads what is stored; then the server is ready.
// What comes before it is ready waits: the listeners are open first, because
// the subscriptions that are read back are notified on them.
func (s *Server) Start() error {
	for _, l := range s.o.Serve.Listen {
		addr, err := s.layer.Listen(l)
		if err != nil {
			_ = s.layer.Close()
			return err
		}
		s.addrs = append(s.addrs, addr)
	}
	if err := s.owners.Load(time.Now()); err != nil {
		_ = s.layer.Close()
		return err
	}
	if err := s.loadTags(); err != nil {
		_ = s.layer.Close()
		return err
	}
	if s.epa != nil {
		s.epa.Start()
	}
	if err := s.useSecret(); err != nil {
		_ = s.layer.Close()
		return err
	}
	if err := s.loadCalendars(); err != nil {
		_ = s.layer.Close()
		return err
	}
	if err := s.startControl(); err != nil {
		_ = s.layer.Close()
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stopOwners = stop
	s.running.Go(func() {
		s.failed = s.owners.Run(ctx)
		close(s.ended)
	})
	s.running.Go(func() { s.calendars.Run(ctx) })
	s.loadHardStates()
	return nil
}

// Addrs are the listeners' addresses, in the order of the settings.
func (s *Server) Addrs() []netip.AddrPort { return s.addrs }

// Ended is closed when the server can go on no longer, or was stopped; then
// Failed tells why.
func (s *Server) Ended() <-chan struct{} { return s.ended }

// Failed is why the server ended by itself; nil where it was stopped.
func (s *Server) Failed() error {
	<-s.ended
	return s.failed
}

// Stop drains: what is new is refused with 503, what is running ends.
// Subscriptions stay stored and go on after the restart.
func (s *Server) Stop() error {
	err := s.stopControl()
	s.uas.Drain()
	s.unpublish()
	s.stopOwners()
	s.running.Wait()
	s.names.Resolver.Close()
	err = errors.Join(err, s.layer.Close())
	if s.hep != nil {
		err = errors.Join(err, s.hep.Close())
	}
	if err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return s.failed
}

// Kill ends the server as kill -9 does, as far as one process can: nothing is
// drained, and what is in memory is lost. It is for tests.
func (s *Server) Kill() {
	if c := s.control.Load(); c != nil {
		c.Kill()
	}
	_ = s.layer.Close()
	s.names.Resolver.Close()
	s.stopOwners()
	s.running.Wait()
	if s.hep != nil {
		_ = s.hep.Close()
	}
}

// Leave tells those who ask by OPTIONS that the server is about to stop, and
// serves on: whoever spreads requests over several servers has time to see it.
func (s *Server) Leave() { s.uas.Leave() }
