package app

import (
	"lamplight/event"
	"lamplight/event/messagesummary"
	"lamplight/mwi"
	"lamplight/owner"
	"lamplight/registrar"
	"lamplight/sip"
	"lamplight/sip/transaction"
	"lamplight/uas"
)

// newMWI makes what tells phones of messages that did not ask; nil where none are
// to be told, or nothing is known of phones or of messages.
func (s *spine) newMWI(o wiring) *mwi.Agent {
	if !o.mwi || !o.registrar || !o.presence {
		return nil
	}
	return mwi.New(mwi.Options{
		Package:  messagesummary.Package{Number: o.voiceMail},
		Document: s.esc.Document,
		Bindings: func(aor event.AoR) []registrar.Binding { return s.registrar.Lookup(aor) },
		Subscribes: func(aor event.AoR, name event.Name, b *registrar.Binding) bool {
			return s.uas.Subscribes(aor, name, b)
		},
		Profile: func(userAgent string) uint8 { return uas.ProfileOf(userAgent, o.profiles).Render },
		Flow:    func(b *registrar.Binding) (transaction.Flow, error) { return s.uas.FlowTo(b) },
		Send: func(f transaction.Flow, r *sip.Request, x transaction.Exchange) error {
			return s.layer.Send(f, r, x)
		},
		Return: func(aor string, j owner.Job) { s.owners.Return(aor, j) },
	})
}
