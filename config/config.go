// Package config is the process's settings: one struct that is flags,
// environment and a strict TOML file at once, all of it optional. Settings of
// domains and users are none of its business: they live in the store.
package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"lamplight/sip"
)

// The data directory where none is named, and the word for keeping nothing.
const (
	DefaultData = "lamplight-data"
	Memory      = "memory"
)

// Vars are what the tags of settings refer to.
var Vars = kong.Vars{"data": DefaultData}

// Groups are how the help page sorts the flags.
var Groups = kong.Groups{"limit": "Limits, each counted by the metric lamplight_limit_total:"}

// Serve is what `lamplight serve` is told. The tags carry the documentation.
type Serve struct {
	Data           string   `toml:"data" default:"${data}" placeholder:"DIR" help:"Directory of all that survives; \"memory\" keeps nothing."`
	Domain         []string `toml:"domain" default:"localhost" help:"Presence domain, made at the first start. Several times: several domains."`
	AliasDomain    []string `toml:"alias-domain" help:"Another name or address of the first domain."`
	Listen         []string `toml:"listen" default:"udp:0.0.0.0:5060,tcp:0.0.0.0:5060" placeholder:"udp:ADDR:PORT" help:"Where SIP is served: udp, tcp, tls, ws or wss, address and port."`
	TLSCert        string   `toml:"tls-cert" placeholder:"FILE" help:"Certificate of the TLS and WSS listeners (PEM); without one the server makes its own. Read again when it changes."`
	TLSKey         string   `toml:"tls-key" placeholder:"FILE" help:"Key of the certificate (PEM)."`
	WSOrigin       []string `toml:"ws-origin" placeholder:"ORIGIN" help:"Web page that may connect by WebSocket: https://phone.example.com. Where none is named, those of the host they connect to."`
	Advertise      []string `toml:"advertise" placeholder:"udp:ADDR:PORT" help:"Address told to others instead of the one that is listened on."`
	Role           []string `toml:"role" default:"registrar,proxy,presence" enum:"registrar,proxy,presence" help:"What the server is: registrar, proxy, presence."`
	PresenceServer string   `toml:"presence-server" placeholder:"sip:HOST:PORT" help:"Presence server of a server that is none itself: what is known of registrations and calls is published there, and SUBSCRIBE and PUBLISH of the own users are passed on to it."`
	Trust          []string `toml:"trust" placeholder:"ADDR|USER" help:"Trusted peer, by address, network or digest user: may publish for its domain."`
	Outbound       []string `toml:"outbound" placeholder:"NETWORK" help:"Networks that requests may be sent to; all where none is named."`
	DNS            []string `toml:"dns" placeholder:"ADDR:PORT" help:"Name server that is asked, the first one first; those of the system where none is named."`
	Web            string   `toml:"web" placeholder:"ADDR:PORT" help:"Listener of the web pages, of /api/v1, and of SIP over WebSocket at /sip: HTTPS where a certificate is given, else on loopback only."`
	Admin          string   `toml:"admin" placeholder:"ADDR:PORT" help:"Listener of health and metrics, and with --data memory of the commands; loopback only."`

	FlowGrace Duration `toml:"flow-grace" default:"30s" placeholder:"TIME" help:"How long a phone whose connection is lost may take to come back before it counts as gone."`
	NATPing   Duration `toml:"nat-ping" name:"nat-ping" default:"25s" placeholder:"TIME" help:"How often phones behind a NAT are pinged over UDP; 0: never."`

	LogLevel string `toml:"log-level" default:"info" enum:"debug,info,warn,error" help:"What is logged: debug, info, warn or error, and what is worse. The command log-level changes it while the server runs."`

	TraceMessages   int      `toml:"trace-messages" default:"4096" help:"How many messages are kept for the command trace; 0: none."`
	HEP             string   `toml:"hep" placeholder:"udp:ADDR:PORT" help:"Homer server that gets a copy of each message, in HEP3; credentials are masked."`
	HEPID           uint32   `name:"hep-id" toml:"hep-id" default:"2001" help:"What this server is called there, a number."`
	HEPPasswordFile string   `toml:"hep-password-file" placeholder:"FILE" help:"File with the password for it."`
	HistoryDays     int      `toml:"history-days" default:"90" help:"How many days the history of calls is kept, for each user alone; 0: none is."`
	Drain           Duration `toml:"drain" default:"1s" placeholder:"DURATION" help:"How long a server that was told to end says so before, by /readyz and to OPTIONS, and serves on; with --admin only."`

	CalendarEvery   Duration `toml:"calendar-every" default:"10m" placeholder:"TIME" help:"How often users' calendars are read, at least 1m."`
	CalendarNetwork []string `toml:"calendar-network" placeholder:"NETWORK" help:"Network that calendars may be read from beside the public Internet, or beside --outbound where that is given: 10.0.0.0/8."`

	DNDOnBLF string `name:"dnd-on-blf" toml:"dnd-on-blf" default:"busy" enum:"busy,idle,none" help:"Busy lamp of who does not want to be disturbed and is in no call: busy, or idle (none: the same) as if nothing was said."`

	Route          []Route `toml:"route" sep:"none" placeholder:"PATTERN=TARGET" help:"Where own users may call beside each other: 0*=sip:gateway.example.org for numbers that begin with 0, partner.example=sip:partner.example for a domain; with ,strip=1,prepend=+49 the number is changed. Without one no call leaves the own domains."`
	PickupCode     string  `toml:"pickup-code" placeholder:"CODE" help:"What is dialled before a number to pick up the call that rings there, such as *8; none: that is not possible."`
	VoiceMail      string  `toml:"voice-mail" placeholder:"NUMBER" help:"What is dialled to hear one's messages, such as *97: phones may subscribe to it for their user's own, and are told it where the voice mail names no mailbox."`
	MWI            string  `toml:"mwi" default:"all" enum:"all,subscribers" help:"Who is told of waiting messages: all phones that are registered, or those alone that subscribe."`
	AllowStrangers bool    `toml:"allow-strangers" help:"Let users of other domains call and write to the own ones, unproved."`

	Profile []Profile `toml:"profile" sep:"none" placeholder:"agent=NAME;KEY" help:"What phones with this in their User-Agent need otherwise: one-dialog, no-idle-dialog, calling-is-talking, unreachable=offline|failed, xpidf, cpim-label=TYPE, cisco, digium, no-urgent, md5. Stands before the table that check shows."`

	InsecureNoAuth bool   `toml:"insecure-no-auth" help:"Believe From without digest: for a trusted network and for measuring."`
	Limits         string `toml:"limits" default:"on" enum:"on,off" help:"Limits of users and tables; off for measuring."`
	Limit          Limit  `toml:"limit" embed:"" prefix:"limit-" group:"limit"`
	NotifyRate     string `toml:"notify-rate" default:"on" enum:"on,off" help:"Rate of notifications; off for measuring."`
}

// Memory tells whether nothing is kept.
func (s *Serve) Memory() bool { return s.Data == Memory }

// HidesDND tells whether a busy lamp says nothing of do-not-disturb.
func (s *Serve) HidesDND() bool { return s.DNDOnBLF == "idle" || s.DNDOnBLF == "none" }

// HasRole tells whether the server has a role.
func (s *Serve) HasRole(role string) bool {
	for _, r := range s.Role {
		if r == role {
			return true
		}
	}
	return false
}

// NotBuiltError names a setting that this version cannot honour yet.
type NotBuiltError struct{ What string }

func (e *NotBuiltError) Error() string { return e.What + " is not built yet" }

// Check refuses what cannot work. The error is a *NotBuiltError or says what is
// wrong with which setting.
func (s *Serve) Check() error {
	if len(s.Domain) == 0 {
		return fmt.Errorf("--domain: at least one is needed")
	}
	for _, d := range append(append([]string(nil), s.Domain...), s.AliasDomain...) {
		if d == "" || strings.ContainsAny(d, " \t@:/;<>\"") && !isAddress(d) {
			return fmt.Errorf("--domain %q: not a domain name", d)
		}
	}
	for _, t := range s.Trust {
		if t == "" || strings.ContainsAny(t, " \t;<>\"") {
			return fmt.Errorf("--trust %q: neither an address nor a user", t)
		}
	}
	for _, l := range s.Listen {
		if err := checkListen(l); err != nil {
			return fmt.Errorf("--listen %s: %w", l, err)
		}
	}
	for _, a := range s.Advertise {
		if _, err := AddrPort(a); err != nil {
			return fmt.Errorf("--advertise %s: %w", a, err)
		}
	}
	for _, o := range s.WSOrigin {
		if err := checkOrigin(o); err != nil {
			return fmt.Errorf("--ws-origin %s: %w", o, err)
		}
	}
	if err := s.checkPresenceServer(); err != nil {
		return err
	}
	if _, err := s.Networks(); err != nil {
		return err
	}
	if _, err := NameServers(s.DNS); err != nil {
		return err
	}
	if (s.TLSCert == "") != (s.TLSKey == "") {
		return fmt.Errorf("--tls-cert and --tls-key belong together")
	}
	if err := s.checkOperation(); err != nil {
		return err
	}
	if err := s.Limit.check(); err != nil {
		return err
	}
	return errors.Join(s.checkAdmin(), s.checkWeb())
}

// checkWeb refuses what would send passwords in the clear.
func (s *Serve) checkWeb() error {
	if s.Web == "" {
		return nil
	}
	a, err := netip.ParseAddrPort(s.Web)
	if err != nil {
		return fmt.Errorf("--web %s: %w", s.Web, err)
	}
	if s.TLSCert == "" && !a.Addr().IsLoopback() {
		return fmt.Errorf("--web %s: needs --tls-cert and --tls-key, else only a loopback address: passwords go there", s.Web)
	}
	return nil
}

// checkPresenceServer refuses one that could not be used, or would not be needed.
func (s *Serve) checkPresenceServer() error {
	if s.PresenceServer == "" {
		return nil
	}
	u, err := sip.ParseURI([]byte(s.PresenceServer))
	switch {
	case err != nil, u.IsTel(), len(u.User) > 0, len(u.Headers) > 0:
		return fmt.Errorf("--presence-server %q: want sip:HOST:PORT", s.PresenceServer)
	case s.HasRole("presence"):
		return fmt.Errorf("--presence-server: this server is one itself, leave presence out of --role")
	case !s.HasRole("proxy"):
		return fmt.Errorf("--presence-server: needs --role proxy, which passes requests on to it")
	}
	return nil
}

// The most that can be asked for.
const (
	maxTraced = 1_000_000
	maxDays   = 36_500
	maxDrain  = Duration(time.Minute)
)

// checkOperation checks what is set for those who operate the server.
func (s *Serve) checkOperation() error {
	for i := range s.Route {
		if err := s.Route[i].check(); err != nil {
			return err
		}
	}
	if strings.Trim(s.PickupCode, "0123456789*#") != "" {
		return fmt.Errorf("--pickup-code %s: want digits, * and #", s.PickupCode)
	}
	if strings.ContainsAny(s.VoiceMail, " \t@:;<>\"") {
		return fmt.Errorf("--voice-mail %s: want a number, or a name without a domain", s.VoiceMail)
	}
	for i := range s.Profile {
		if err := s.Profile[i].check(); err != nil {
			return err
		}
	}
	if s.TraceMessages < 0 || s.TraceMessages > maxTraced {
		return fmt.Errorf("--trace-messages %d: want 0 to %d", s.TraceMessages, maxTraced)
	}
	if s.HistoryDays < 0 || s.HistoryDays > maxDays {
		return fmt.Errorf("--history-days %d: want 0 to %d", s.HistoryDays, maxDays)
	}
	if s.Drain < 0 || s.Drain > maxDrain {
		return fmt.Errorf("--drain %s: want 0s to %s", time.Duration(s.Drain), time.Duration(maxDrain))
	}
	if s.FlowGrace < 0 || s.NATPing < 0 {
		return fmt.Errorf("--flow-grace and --nat-ping: want no less than 0")
	}
	if s.CalendarEvery != 0 && s.CalendarEvery < Duration(time.Minute) {
		return fmt.Errorf("--calendar-every %s: want no less than 1m", time.Duration(s.CalendarEvery))
	}
	for _, n := range s.CalendarNetwork {
		if _, err := Prefix(n); err != nil {
			return fmt.Errorf("--calendar-network %s: %w", n, err)
		}
	}
	if s.HEP == "" {
		return nil
	}
	if a, err := AddrPort(s.HEP); err != nil || !strings.HasPrefix(s.HEP, "udp:") || a.Port() == 0 {
		return fmt.Errorf("--hep %s: want udp:ADDR:PORT", s.HEP)
	}
	return nil
}

// Duration is a length of time, written as "90s" or "5m"; a number is seconds.
type Duration time.Duration

// UnmarshalText reads what time.ParseDuration reads, and numbers.
func (d *Duration) UnmarshalText(b []byte) error {
	text := string(b)
	if _, err := strconv.ParseUint(text, 10, 31); err == nil {
		text += "s"
	}
	t, err := time.ParseDuration(text)
	*d = Duration(t)
	return err
}

func (d Duration) String() string { return time.Duration(d).String() }

func isAddress(d string) bool {
	_, err := netip.ParseAddr(strings.Trim(d, "[]"))
	return err == nil
}

func checkListen(l string) error {
	transport, _, ok := strings.Cut(l, ":")
	switch transport {
	case "udp", "tcp", "tls", "ws", "wss":
		_, err := AddrPort(l)
		return err
	}
	if !ok {
		return fmt.Errorf("want udp:ADDR:PORT")
	}
	return fmt.Errorf("transport %q is not known", transport)
}

// checkOrigin refuses what a browser never names: it writes the scheme and the
// host in lower case, and no port that goes without saying.
func checkOrigin(o string) error {
	u, err := url.Parse(o)
	if err != nil || u.Scheme == "" || u.Host == "" || o != strings.ToLower(u.Scheme+"://"+u.Host) ||
		u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80" {
		return fmt.Errorf("want it as a browser writes it: https://phone.example.com or http://phone.example.com:8080")
	}
	return nil
}

// HasListener tells whether there is a listener of a transport.
func (s *Serve) HasListener(transport string) bool {
	return slices.ContainsFunc(s.Listen, func(l string) bool { return strings.HasPrefix(l, transport+":") })
}

// AddrPort reads "udp:192.0.2.1:5060", "tcp:[2001:db8::1]:5060".
func AddrPort(s string) (netip.AddrPort, error) {
	transport, addr, _ := strings.Cut(s, ":")
	if !slices.Contains([]string{"udp", "tcp", "tls", "ws", "wss"}, transport) {
		return netip.AddrPort{}, fmt.Errorf("want udp:ADDR:PORT, or tcp, tls, ws or wss in its place")
	}
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("want udp:ADDR:PORT: %w", err)
	}
	return a, nil
}

func (s *Serve) checkAdmin() error {
	if s.Admin == "" {
		return nil
	}
	a, err := netip.ParseAddrPort(s.Admin)
	if err != nil {
		return fmt.Errorf("--admin %s: %w", s.Admin, err)
	}
	if !a.Addr().IsLoopback() {
		return fmt.Errorf("--admin %s: only a loopback address, since whoever reaches it rules the server", s.Admin)
	}
	return nil
}

// Networks are the outbound list; nil: anywhere.
func (s *Serve) Networks() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, n := range s.Outbound {
		p, err := Prefix(n)
		if err != nil {
			return nil, fmt.Errorf("--outbound %s: %w", n, err)
		}
		list = append(list, p)
	}
	return list, nil
}

// NameServers reads the values of --dns.
func NameServers(values []string) (list []netip.AddrPort, err error) {
	for _, d := range values {
		a, err := netip.ParseAddrPort(d)
		if err != nil {
			return nil, fmt.Errorf("--dns %s: want ADDR:PORT: %w", d, err)
		}
		list = append(list, a)
	}
	return list, nil
}

// Prefix reads a network, or an address as a network of one.
func Prefix(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("neither a network nor an address")
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// Peers are the trusted peers: networks, and digest users as they are written.
func (s *Serve) Peers() (networks []netip.Prefix, users []string) {
	for _, t := range s.Trust {
		if p, err := Prefix(t); err == nil {
			networks = append(networks, p)
		} else {
			users = append(users, t)
		}
	}
	return networks, users
}
