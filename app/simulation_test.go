package app

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/config"
	"lamplight/directory"
	"lamplight/event"
	"lamplight/owner"
	"lamplight/policy"
	"lamplight/sip/digest"
	"lamplight/sip/transaction"
	"lamplight/sip/wire"
	"lamplight/store/fault"
)

// The simulation runs the server as it ships in a bubble of fake time, on a
// network in memory and a journal that fails on demand, with ten phones. A seed
// chooses what each does and when, which datagram is lost, doubled or late,
// which commit fails, when the server is killed, whose rules change, and how far
// the clock jumps. Every datagram is held against a model (auditor), and at
// quiet points what the watchers hold against what a new subscription is told.
//
//	go test ./app -run Simulation                    the first seeds
//	go test ./app -run Simulation -seed 17 -log 500  one of them, with more of its log
//	LAMPLIGHT_SEEDS=1000 go test ./app -run Simulation
//
// A seed fixes the choices. How goroutines interleave, and the tags that nobody
// can guess, are not the seed's, so that a failure may need several runs of it.

var seedFlag = flag.Uint64("seed", 0, "the one seed that the simulation runs; 0: the first of them")

// seedsInTest is how many seeds a plain test runs.
const seedsInTest = 8

func TestSimulation(t *testing.T) {
	first, last := uint64(1), uint64(seedsInTest)
	if n, err := strconv.ParseUint(os.Getenv("LAMPLIGHT_SEEDS"), 10, 32); err == nil {
		last = n
	}
	if *seedFlag != 0 {
		first, last = *seedFlag, *seedFlag
	}
	for seed := first; seed <= last; seed++ {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { simulate(t, seed) })
		})
	}
}

const (
	simDomain = "sim.test"
	simUsers  = 7 // the first have a second phone
	simPhones = 10
	simSteps  = 300
	patience  = 40 * time.Second // of who sends a request: more than Timer F
	grace     = 5 * time.Second  // between the end of a time and the turn that sees it
)

var simServer = netip.MustParseAddrPort("10.0.1.1:5060")

func simAoR(user int) event.AoR { return event.AoR(fmt.Sprintf("sip:u%d@%s", user, simDomain)) }

// simulation is one run.
type simulation struct {
	t      *testing.T
	seed   uint64
	random *rand.Rand // of the driver alone
	began  time.Time
	net    *wire.Network
	phones []*simPhone
	ops    sync.WaitGroup // what phones have under way
	noAuth bool
	secret string
	server *Server
	disk   *disk

	mu        sync.Mutex // guards the auditor, the log, and what phones hold
	audit     *auditor
	log       eventLog
	violation string
	before    []string // the log when it happened
}

func simulate(t *testing.T, seed uint64) {
	s := &simulation{t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 2)), began: time.Now(), net: wire.New(seed)}
	s.noAuth = s.random.IntN(2) == 0
	if !s.noAuth {
		s.secret = "secret"
	}
	s.audit = newAuditor(s)
	s.net.Tap(s.audit.tap)
	s.disk = newDisk(s, &fault.Journal{}, seed)
	s.start()
	for n := range simPhones {
		s.phones = append(s.phones, newSimPhone(s, n))
	}
	s.run()
	if s.violated() {
		s.abandon()
		t.Fatal(s.report())
	}
}

// run takes the steps, with a quiet point now and then, until something is
// wrong or all are gone.
func (s *simulation) run() {
	for step := range simSteps {
		if s.violated() {
			return
		}
		s.step()
		s.pause()
		if step%60 == 59 {
			s.quiet()
		}
	}
	s.leave()
}

// step does one thing, chosen by the seed.
func (s *simulation) step() {
	p := s.phones[s.random.IntN(len(s.phones))]
	choice, back := s.random.IntN(100), s.random.IntN(3) > 0
	switch {
	case p.away() && back:
		p.returns()
	case choice < 28:
		p.publishes()
	case choice < 38:
		p.registers()
	case choice < 56:
		p.subscribes()
	case choice < 66:
		p.resubscribes()
	case choice < 70:
		p.unsubscribes()
	case choice < 73:
		p.vanishes()
	case choice < 81:
		s.changeRules()
	case choice < 87:
		s.changeNetwork()
	case choice < 93:
		s.changeDisk()
	case choice < 97:
		s.restart()
	default:
		s.jump()
	}
}

// pause lets some time pass between two steps.
func (s *simulation) pause() {
	longest := []time.Duration{5 * time.Millisecond, 300 * time.Millisecond, 300 * time.Millisecond, 10 * time.Second, 10 * time.Second, 2 * time.Minute}
	time.Sleep(s.upTo(longest[s.random.IntN(len(longest))]))
}

// jump lets much time pass at once.
func (s *simulation) jump() {
	d := s.upTo(time.Hour)
	s.logf("time jumps by %v", d)
	time.Sleep(d)
}

func (s *simulation) upTo(longest time.Duration) time.Duration {
	return time.Duration(s.random.Int64N(int64(longest)))
}

func (s *simulation) changeNetwork() {
	loss, twice := s.random.Float64()*0.4, s.random.Float64()*0.3
	longest := s.upTo(1500 * time.Millisecond)
	if s.random.IntN(3) == 0 {
		loss, twice, longest = 0, 0, time.Millisecond
	}
	s.logf("network: loss %.2f, twice %.2f, up to %v late", loss, twice, longest)
	s.net.SetLoss(loss)
	s.net.SetDuplicate(twice)
	s.net.SetDelay(0, longest)
}

func (s *simulation) changeDisk() {
	share, written, slow := s.random.Float64()*0.5, s.random.Float64(), s.upTo(50*time.Millisecond)
	if s.random.IntN(2) == 0 {
		share = 0
	}
	s.logf("disk: %.2f of the commits fail, %.2f of them are written, up to %v slow", share, written, slow)
	s.disk.change(share, written, slow)
}

// healthy takes all faults away.
func (s *simulation) healthy() {
	s.net.SetLoss(0)
	s.net.SetDuplicate(0)
	s.net.SetDelay(0, time.Millisecond)
	s.disk.change(0, 0, time.Millisecond)
	for _, p := range s.phones {
		p.line.cut.Store(false)
	}
}

// people are the users, each with credentials.
func (s *simulation) Load() ([]directory.Domain, []directory.User, error) {
	var users []directory.User
	for n := range simUsers {
		name := fmt.Sprint("u", n)
		users = append(users, directory.User{AoR: simAoR(n), HA1: map[string]digest.HA1s{name: digest.Hash(name, simDomain, s.secret)}})
	}
	return []directory.Domain{{Name: simDomain, Realm: simDomain}}, users, nil
}

func (s *simulation) start() {
	var err error
	s.server, err = New(Options{
		Serve: config.Serve{Data: "memory", Domain: []string{simDomain}, Listen: []string{"udp:" + simServer.String()},
			Role: []string{"registrar", "presence"}, Limits: "on", NotifyRate: "on", InsecureNoAuth: s.noAuth},
		Journal: s.disk, People: s, Logger: slog.New(&s.log),
		Listen: func(_, addr string) (transaction.PacketConn, error) { return s.net.Listen(addr) },
		Owners: owner.Options{Owners: 1 + s.random.IntN(4)},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for aor, grants := range s.audit.rules {
		s.server.policy.Set(aor, asRules(grants))
	}
	if err := s.server.Start(); err != nil {
		s.t.Fatal(err)
	}
}

// restart ends the server, mostly as kill -9 does, and starts another on what
// was stored.
func (s *simulation) restart() {
	down := s.upTo([]time.Duration{time.Second, 20 * time.Second, 10 * time.Minute}[s.random.IntN(3)])
	if s.random.IntN(4) == 0 {
		s.stop()
	} else {
		s.kill()
	}
	s.logf("the server is away for %v", down)
	time.Sleep(down)
	s.comesBack()
}

func (s *simulation) comesBack() {
	s.mu.Lock()
	s.audit.restarted()
	s.mu.Unlock()
	s.start()
	s.logf("the server is back")
}

// kill ends the server: what is in the journal at this moment is all that is
// left of it.
func (s *simulation) kill() {
	synctest.Wait()
	s.logf("the server is killed")
	left := s.disk.snapshot()
	s.disk.change(0, 0, 0)
	s.server.Kill()
	s.disk = newDisk(s, left, s.random.Uint64())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.audit.lost("the server was killed")
}

// stop drains the server, as SIGTERM does.
func (s *simulation) stop() {
	s.logf("the server is stopped")
	s.disk.change(0, 0, 0)
	if err := s.server.Stop(); err != nil {
		s.failf("a", "the server did not stop: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.audit.lost("the server was stopped")
}

// changeRules gives a user rules of their own, or the domain's again. The model
// takes them over when the turn is done, before anything that follows of them
// is told.
func (s *simulation) changeRules() {
	aor := simAoR(s.random.IntN(simUsers))
	var grants map[event.AoR]event.Grant
	if s.random.IntN(3) > 0 {
		grants = map[event.AoR]event.Grant{}
		for n := range simUsers {
			grants[simAoR(n)] = simGrants[s.random.IntN(len(simGrants))]
		}
	}
	server := s.server
	s.logf("rules of %s: %s", short(string(aor)), grantsText(grants))
	s.mu.Lock()
	s.audit.changing[aor]++
	s.mu.Unlock()
	_ = server.owners.Post(string(aor), owner.Func(func(t *owner.Turn) {
		t.Say(func(error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.audit.ruled(aor, grants)
		})
		server.policy.Set(aor, asRules(grants))
		server.notifier.RulesChanged(t, aor)
	}))
	synctest.Wait()
}

// simGrants are what rules give to a watcher.
var simGrants = []event.Grant{
	{Handling: event.Block}, {Handling: event.Confirm}, {Handling: event.PoliteBlock},
	{Handling: event.Allow, Rights: "basic"},
	{Handling: event.Allow, Rights: event.RightsAll}, {Handling: event.Allow, Rights: event.RightsAll},
}

func asRules(grants map[event.AoR]event.Grant) policy.Rules {
	if grants == nil {
		return nil
	}
	rules := policy.Rules{}
	for watcher, g := range grants {
		rules = append(rules, policy.Rule{One: []event.AoR{watcher}, Handling: g.Handling, Rights: g.Rights})
	}
	return rules
}

// background runs an exchange of a phone's.
func (s *simulation) background(f func(context.Context)) {
	s.ops.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		f(ctx)
	})
}

// abandon ends all there is, so that the bubble can end.
func (s *simulation) abandon() {
	s.disk.change(0, 0, 0)
	for _, p := range s.phones {
		p.close()
	}
	s.server.Kill()
	s.ops.Wait()
}

func (s *simulation) violated() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.violation != ""
}

// failf notes the first violation of an invariant; the caller does not hold mu.
func (s *simulation) failf(invariant, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail(invariant, format, args...)
}

// fail is failf for who holds mu.
func (s *simulation) fail(invariant, format string, args ...any) {
	text := fmt.Sprintf("invariant (%s): %s", invariant, fmt.Sprintf(format, args...))
	s.log.add(s.age(), "VIOLATION "+text)
	if s.violation == "" {
		s.violation, s.before = text, slices.Clone(s.log.lines())
	}
}

func (s *simulation) age() time.Duration { return time.Since(s.began) }

func (s *simulation) logf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.add(s.age(), fmt.Sprintf(format, args...))
}

// report is what a failure prints.
func (s *simulation) report() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %s\nreplay: go test ./app -run Simulation -seed %d\n", s.seed, s.violation, s.seed)
	fmt.Fprintf(&b, "digest: %t; the last %d events:\n", !s.noAuth, len(s.before))
	for _, line := range s.before {
		b.WriteString(line + "\n")
	}
	return b.String()
}
