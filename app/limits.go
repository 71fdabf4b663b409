package app

import (
	"time"

	"lamplight/body/limits"
	"lamplight/config"
	"lamplight/esc"
	"lamplight/notifier"
	"lamplight/registrar"
	"lamplight/sip"
	"lamplight/sip/transaction"
	"lamplight/uas"
)

// unlimited stands for what --limits off takes away.
const unlimited = 1 << 30

// messageLimits, streamLimits and requestLimits are the settings in the words of
// who holds to them.
func messageLimits(l config.Limit) *sip.Limits {
	return &sip.Limits{Head: l.Head, Fields: l.Fields, SameField: l.SameField, URI: l.URI, CallID: l.CallID, Tag: l.Tag,
		Display: l.DisplayName, Body: l.Message}
}

func streamLimits(l config.Limit) transaction.StreamOptions {
	return transaction.StreamOptions{Max: l.Connections, PerAddr: l.AddressConnections,
		First: time.Duration(l.ConnectionFirst), Idle: time.Duration(l.ConnectionIdle)}
}

func requestLimits(l config.Limit) uas.Limits {
	return uas.Limits{Document: l.Document, XML: limits.XML{Depth: l.XMLDepth, Attributes: l.XMLAttributes, Namespaces: l.XMLNamespaces}, LoginIdle: time.Duration(l.LoginIdle),
		Source: uas.Rate{Burst: l.SourceBurst, Each: l.SourceRate}, User: uas.Rate{Burst: l.UserBurst, Each: l.UserRate},
		AoR: uas.Rate{Burst: l.AoRBurst, Each: l.AoRRate}, Called: uas.Rate{Burst: l.CalledBurst, Each: l.CalledRate}, Guesses: l.Guesses,
		GuessWithin: time.Duration(l.GuessWithin), GuessPause: time.Duration(l.GuessPause)}
}

// limit gives the stages their limits.
func (w *wiring) limit() {
	l := w.limits
	w.publications = esc.Limits{Min: time.Duration(l.PublishMin), Max: time.Duration(l.PublishMax), PerUser: l.Publications, PerPeer: l.PeerPublications}
	w.registrations = registrar.Options{Min: time.Duration(l.RegisterMin), Max: time.Duration(l.RegisterMax), PerAoR: l.Contacts, URI: l.URI}
	w.subscriptions = notifier.Options{Min: time.Duration(l.SubscribeMin), Max: time.Duration(l.SubscribeMax), PerAoR: l.Subscriptions, PerUser: l.UserSubscriptions}
	if w.owners.Intake == 0 {
		w.owners.Intake = l.Intake
	}
	if w.limitsOff {
		w.publications.PerUser, w.publications.PerPeer, w.registrations.PerAoR = unlimited, unlimited, unlimited
		w.subscriptions.PerAoR, w.subscriptions.PerUser = unlimited, unlimited
		w.owners.Intake, w.transport.MaxOpen = unlimited, unlimited
	}
}
