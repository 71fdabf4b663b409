package config

import (
	"fmt"
	"time"

	"github.com/alecthomas/kong"

	"lamplight/body/limits"
)

// Limit is how much one may send, hold and ask for: --limit-uri, or uri in the
// table [limit] of the file. What is refused is counted, by the metric
// lamplight_limit_total. A zero field takes its default.
type Limit struct {
	Message       int `toml:"message" default:"262144" help:"Bytes of a body on a connection; more: 513, and the connection ends."`
	Head          int `toml:"head" default:"16384" help:"Bytes of start line and header fields; more: 400."`
	Fields        int `toml:"fields" default:"256" help:"Header fields of a message; more: 400."`
	SameField     int `toml:"same-field" default:"64" help:"Header fields of one name; more: 400."`
	URI           int `toml:"uri" default:"512" help:"Bytes of a URI; more: 414 for the Request-URI, else 400."`
	DisplayName   int `toml:"display-name" default:"256" help:"Bytes of a display name; more: 400."`
	CallID        int `toml:"call-id" default:"256" help:"Bytes of a Call-ID; more: 400."`
	Tag           int `toml:"tag" default:"128" help:"Bytes of a tag; more: 400."`
	XMLDepth      int `toml:"xml-depth" name:"xml-depth" default:"32" help:"How deep the elements of a document may lie, at most 32; deeper: 400."`
	XMLAttributes int `toml:"xml-attributes" name:"xml-attributes" default:"256" help:"Attributes of an element, at most 256; more: 400."`
	XMLNamespaces int `toml:"xml-namespaces" name:"xml-namespaces" default:"64" help:"Namespaces that an element declares, at most 64; more: 400."`
	Document      int `toml:"document" default:"65536" help:"Bytes of a published document; more: 413."`

	RegisterMin  Duration `toml:"register-min" default:"60s" help:"Least interval of REGISTER; less: 423."`
	RegisterMax  Duration `toml:"register-max" default:"24h" help:"Longest interval granted to REGISTER."`
	SubscribeMin Duration `toml:"subscribe-min" default:"60s" help:"Least interval of SUBSCRIBE; less: 423."`
	SubscribeMax Duration `toml:"subscribe-max" default:"24h" help:"Longest interval granted to SUBSCRIBE."`
	PublishMin   Duration `toml:"publish-min" default:"5s" help:"Least interval of PUBLISH; less: 423."`
	PublishMax   Duration `toml:"publish-max" default:"24h" help:"Longest interval granted to PUBLISH."`

	UserSubscriptions int `toml:"user-subscriptions" default:"2000" help:"Subscriptions of a user; more: 500."`
	Subscriptions     int `toml:"subscriptions" default:"10000" help:"Subscriptions to one event of an AoR; more: 500."`
	Contacts          int `toml:"contacts" default:"10" help:"Bindings of an AoR; more: 500."`
	Publications      int `toml:"publications" default:"10" help:"Publications of a user, for an AoR and event; more: 500."`
	PeerPublications  int `toml:"peer-publications" default:"1000" help:"Publications of a trusted peer, for an AoR and event; more: 500."`

	SourceBurst int `toml:"source-burst" default:"200" help:"Requests at once of an address that has not authenticated; more: 500."`
	SourceRate  int `toml:"source-rate" default:"10" help:"And each second."`
	UserBurst   int `toml:"user-burst" default:"200" help:"Requests at once of a user; more: 500."`
	UserRate    int `toml:"user-rate" default:"20" help:"And each second."`
	UserCalls   int `toml:"user-calls" default:"5" help:"Calls that the server makes for a user in a minute; more are not made."`
	AoRBurst    int `toml:"aor-burst" name:"aor-burst" default:"2000" help:"Requests at once about an AoR; more: 500."`
	AoRRate     int `toml:"aor-rate" name:"aor-rate" default:"200" help:"And each second."`

	CalledBurst int `toml:"called-burst" default:"60" help:"Calls at once to an AoR; more: 500."`
	CalledRate  int `toml:"called-rate" default:"2" help:"And each second."`

	Guesses     int      `toml:"guesses" default:"10" help:"Wrong passwords of one user from one address within guess-within; then nothing more is answered to the two for guess-pause."`
	GuessWithin Duration `toml:"guess-within" default:"5m" help:"How long a wrong password counts."`
	GuessPause  Duration `toml:"guess-pause" default:"15m" help:"How long who guessed is not answered."`

	NonceLife Duration `toml:"nonce-life" default:"300s" help:"How long a nonce may be used; longer: 401 with stale=true."`
	Nonces    int      `toml:"nonces" default:"200000" help:"Nonces in use; more: 401 with stale=true."`

	Transactions       int      `toml:"transactions" default:"1048576" help:"Transactions open, or kept for retransmissions; more: 503."`
	Intake             int      `toml:"intake" default:"65536" help:"Requests that wait for an owner, of which there are two to a processor; more: 503."`
	Connections        int      `toml:"connections" default:"20000" help:"Connections; more are closed."`
	AddressConnections int      `toml:"address-connections" default:"100" help:"Connections of one address on which nothing lasts; more are closed."`
	ConnectionFirst    Duration `toml:"connection-first" default:"10s" help:"How long a connection may take to its first whole message, and each message to be whole."`
	ConnectionIdle     Duration `toml:"connection-idle" default:"2m" help:"How long a connection may say nothing on which nothing lasts."`
	LoginIdle          Duration `toml:"login-idle" default:"15m" help:"And one of a user who has authenticated."`
}

// maxHead is the largest head whose places fit the index of a message.
const maxHead = 1<<16 - 1

// OrDefault fills in what is zero.
func (l Limit) OrDefault() Limit {
	_ = kong.ApplyDefaults(&l) // of the tags above, which a test reads
	return l
}

func (l Limit) check() error {
	l = l.OrDefault()
	for name, n := range map[string]int{
		"message": l.Message, "head": l.Head, "fields": l.Fields, "same-field": l.SameField, "uri": l.URI, "display-name": l.DisplayName,
		"call-id": l.CallID, "tag": l.Tag, "xml-depth": l.XMLDepth, "xml-attributes": l.XMLAttributes, "xml-namespaces": l.XMLNamespaces, "document": l.Document, "user-subscriptions": l.UserSubscriptions, "subscriptions": l.Subscriptions,
		"contacts": l.Contacts, "publications": l.Publications, "peer-publications": l.PeerPublications,
		"source-burst": l.SourceBurst, "source-rate": l.SourceRate, "user-burst": l.UserBurst, "user-rate": l.UserRate,
		"user-calls": l.UserCalls, "aor-burst": l.AoRBurst, "aor-rate": l.AoRRate, "called-burst": l.CalledBurst, "called-rate": l.CalledRate, "guesses": l.Guesses, "nonces": l.Nonces, "transactions": l.Transactions,
		"intake": l.Intake, "connections": l.Connections, "address-connections": l.AddressConnections,
	} {
		if n < 1 {
			return fmt.Errorf("--limit-%s %d: at least 1", name, n)
		}
	}
	if l.Head > maxHead || l.Fields > maxHead {
		return fmt.Errorf("--limit-head, --limit-fields: at most %d", maxHead)
	}
	for name, n := range map[string][2]int{"xml-depth": {l.XMLDepth, limits.Most.Depth}, "xml-attributes": {l.XMLAttributes, limits.Most.Attributes}, "xml-namespaces": {l.XMLNamespaces, limits.Most.Namespaces}} {
		if n[0] > n[1] {
			return fmt.Errorf("--limit-%s %d: at most %d", name, n[0], n[1])
		}
	}
	for name, d := range map[string][2]Duration{
		"register": {l.RegisterMin, l.RegisterMax}, "subscribe": {l.SubscribeMin, l.SubscribeMax}, "publish": {l.PublishMin, l.PublishMax},
	} {
		if d[0] < 0 || d[1] < d[0] {
			return fmt.Errorf("--limit-%s-min, --limit-%s-max: the least is more than the longest", name, name)
		}
	}
	for name, d := range map[string]Duration{"guess-within": l.GuessWithin, "guess-pause": l.GuessPause, "nonce-life": l.NonceLife,
		"connection-first": l.ConnectionFirst, "connection-idle": l.ConnectionIdle, "login-idle": l.LoginIdle} {
		if d < Duration(time.Second) {
			return fmt.Errorf("--limit-%s %s: at least a second", name, time.Duration(d))
		}
	}
	return nil
}
