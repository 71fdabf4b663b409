// Package callcontrol makes calls for others: click-to-call, pick up and transfer
// for an operator. It calls the user's own phone, and has it call the target by a
// REFER inside that dialog (RFC 3515, RFC 5589) or, where it takes none, stays
// between both ends (RFC 3725 §4.4). It is a user agent of the server's own, which
// calls through the server's proxy; media and early media it leaves to the phones,
// and a call that it stays in it does not let be transferred.
package callcontrol

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/event"
	"lamplight/sip/transaction"
	"lamplight/sip/ua"
)

// Where the agent and the server stand on the wire between them: the dummy address
// of IPv4, which leads nowhere. Phones see it in Contact and Route.
var (
	serverAt = netip.MustParseAddrPort("192.0.0.8:5060")
	agentAt  = netip.MustParseAddrPort("192.0.0.8:5061")
)

// Party is somebody who can be called.
type Party struct {
	AoR  event.AoR // of an own user; "": a stranger, along a route
	URI  string
	Name string // "": none is known
}

// Phone is a registered phone of a user.
type Phone struct {
	Answers string // what has it answer by itself, see AnswerHeaders; "": nothing
}

// People tells who there is, and how they are. Its methods may be called from any
// goroutine, and may wait.
type People interface {
	// User is a user of the own domains.
	User(event.AoR) Party
	// Target is whom a user means by what was typed: user[@domain], a number or a
	// URI. The error says that there is nobody, or nobody whom the user may call.
	Target(by event.AoR, typed string) (Party, error)
	// Phones are a user's, as they are registered.
	Phones(event.AoR) []Phone
	// Undisturbed tells whether somebody does not want to be disturbed, as far as
	// a user may know.
	Undisturbed(of, by event.AoR) bool
	// LetThrough lets a user's next call reach somebody who does not want to be
	// disturbed.
	LetThrough(of, by event.AoR)
	// Dialogs are a user's calls, as far as another may see them.
	Dialogs(of, by event.AoR) []dialoginfo.Dialog
}

// Options of New. People and Attach must be there.
type Options struct {
	People People
	// Attach gives the server its end of the wire to the agent.
	Attach   func(transaction.PacketConn) error
	PerUser  int           // calls that a user may have made in a minute; 0: 5
	AnswerIn time.Duration // how long the user's own phone rings; 0: 45 s
	Logger   *slog.Logger  // nil: nothing is logged
}

// Why a call is not made. Each also comes as an event.
var (
	ErrAsks    = errors.New("does not want to be disturbed")
	ErrTooMany = errors.New("too many calls in a short time: wait a minute")
	ErrNoPhone = errors.New("none of your phones is registered")
	ErrNoCall  = errors.New("there is no such call any more, or it may not be seen")
	ErrClosed  = errors.New("the server is stopping")
)

// The most calls that are being made, or are stayed in, at once.
const maxSessions = 2000

// Control makes calls. Its methods are safe for concurrent use.
type Control struct {
	o     Options
	agent *ua.Agent
	log   *slog.Logger
	limit limit

	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu       sync.Mutex
	closed   bool
	sessions int
	follows  map[*follow]struct{}
	refers   map[string]chan report // of transfers, by Call-ID
	running  sync.WaitGroup
}

// New makes the agent, and attaches it to the server.
func New(o Options) (*Control, error) {
	if o.PerUser == 0 {
		o.PerUser = 5
	}
	if o.AnswerIn == 0 {
		o.AnswerIn = 45 * time.Second
	}
	c := &Control{o: o, log: o.Logger, follows: map[*follow]struct{}{}, refers: map[string]chan report{}}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.limit.most = o.PerUser
	server, agent := transaction.Pipe(serverAt, agentAt)
	if err := o.Attach(server); err != nil {
		return nil, err
	}
	var err error
	c.agent, err = ua.New(ua.Options{User: "sip:calls@" + agentAt.Addr().String(), Server: serverAt.String(), Transport: "udp", Local: agentAt.String(),
		Listen:    func(string, string) (transaction.PacketConn, error) { return agent, nil },
		OnRequest: c.reported, Logger: o.Logger, UserAgent: "Lamplight"})
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// Close ends the calls that it stays in, and the agent.
func (c *Control) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.running.Wait()
	return c.agent.Close()
}

// Kill ends the agent as a crash would: nobody is told. It is for tests.
func (c *Control) Kill() {
	_ = c.agent.Close()
	_ = c.Close()
}

// enter begins something; leave must follow.
func (c *Control) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return ErrClosed
	case c.sessions == maxSessions:
		return ErrTooMany
	}
	c.sessions++
	c.running.Add(1)
	return nil
}

func (c *Control) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions--
	c.running.Done()
}

// byeWait is how long the end of a call may take to be said.
const byeWait = 5 * time.Second

// hangUp ends a leg of ours, and waits for that no longer than it has to.
func (c *Control) hangUp(leg *ua.Call) {
	if leg == nil || leg.State() == ua.Ended {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), byeWait)
	defer cancel()
	if err := leg.Hangup(ctx); err != nil {
		c.log.Debug("a call was not hung up in time", "call_id", leg.CallID(), "error", err)
	}
}
