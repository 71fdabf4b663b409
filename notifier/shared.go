package notifier

import "strings"

// Shares tells whether a dialog has subscriptions, whatever their events: the
// ids of all begin with the dialog's and a space.
func (n *Notifier) Shares(partition byte, dialog string) bool {
	for id, s := range n.shares[partition].subs {
		if s.ending == "" && strings.HasPrefix(id, dialog+" ") {
			return true
		}
	}
	return false
}
