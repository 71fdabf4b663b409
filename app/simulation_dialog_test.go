package app

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lamplight/event"
	"lamplight/policy"
	"lamplight/sip"
	"lamplight/sip/transaction"
)

// dialog finds the dialog of a message from the server, by Call-ID and the
// server's tag. A SUBSCRIBE that a second server does again begins a second one.
func (a *auditor) dialog(callID, tag string) *simDialog {
	list := a.dialogs[callID]
	for _, d := range list {
		if d.tag == tag || d.tag == "" {
			d.tag = tag
			return d
		}
	}
	again := func(tx *simTx) bool { return tx.method == sip.SUBSCRIBE && tx.callID == callID && tx.toTag == "" }
	if len(list) == 0 || !slices.ContainsFunc(a.unsure, again) {
		return nil
	}
	for _, d := range list {
		a.excused(d, excuseReplaced)
	}
	d := &simDialog{callID: callID, tag: tag, event: list[0].event, phone: list[0].phone, watcher: list[0].watcher, aor: list[0].aor, version: -1}
	a.dialogs[callID] = append(list, d)
	return d
}

// subscribing hears a SUBSCRIBE for the first time.
func (a *auditor) subscribing(tx *simTx) {
	if a.dialogs[tx.callID] == nil {
		a.dialogs[tx.callID] = []*simDialog{{callID: tx.callID, event: tx.event, phone: tx.phone,
			watcher: a.s.phones[tx.phone].aor, aor: tx.aor, version: -1}}
	}
	if tx.toTag == "" {
		if tx.expires > 0 {
			a.replacing(tx)
		}
		return
	}
	d := a.dialog(tx.callID, tx.toTag)
	if d != nil {
		a.tell(d, "SUBSCRIBE %d for %v", tx.cseq, tx.expires)
	}
	switch {
	case d == nil:
		a.s.fail("wire", "phone %d refreshes what it was never told of", tx.phone)
	case tx.expires == 0:
		a.excused(d, "it was ended by the phone")
	default:
		if end := tx.first.Add(tx.expires * 4 / 5); end.Before(d.low) { // what is granted may be a fifth less
			d.low = end
		}
		if end := tx.until(); end.After(d.high) {
			d.high = end
		}
	}
}

// replacing excuses what a subscription of the same phone takes the place of.
func (a *auditor) replacing(tx *simTx) {
	for callID, list := range a.dialogs {
		for _, old := range list {
			if callID != tx.callID && old.phone == tx.phone && old.aor == tx.aor && old.event == tx.event {
				a.excused(old, excuseReplaced)
			}
		}
	}
}

const (
	excuseReplaced = "another of the phone's took its place"
	excuseRules    = "the rules blocked it"
)

// storyLines is how much of its story a dialog remembers.
const storyLines = 60

// tell adds to the story of a dialog.
func (a *auditor) tell(d *simDialog, format string, args ...any) {
	if len(d.story) == storyLines {
		d.story = append(d.story[:0], d.story[storyLines/2:]...)
	}
	d.story = append(d.story, fmt.Sprintf("%12v  %s", a.s.age().Round(time.Millisecond), fmt.Sprintf(format, args...)))
}

// fail is a violation that concerns a dialog: with its story.
func (a *auditor) fail(d *simDialog, invariant, format string, args ...any) {
	a.s.fail(invariant, "%s\nthe subscription %s of phone %d (%s) to %s of %s, good from %v to %v, excuse %q:\n%s", fmt.Sprintf(format, args...),
		short(d.callID), d.phone, short(string(d.watcher)), d.event, short(string(d.aor)),
		d.low.Sub(a.s.began), d.high.Sub(a.s.began), d.excuse, strings.Join(d.story, "\n"))
}

// excused notes why a subscription may be over before its time.
func (a *auditor) excused(d *simDialog, why string) {
	if d.excuse == "" {
		d.excuse = why
	}
	a.tell(d, "excused: %s", why)
}

// good tells whether nothing is known that may have ended a subscription.
func (d *simDialog) good(now time.Time) bool {
	return d.subscribed && !d.fetch && !d.over && d.excuse == "" && d.unanswered < 3 && now.Before(d.low)
}

// certain tells whether a subscription must be there, and no other of the phone's
// may take its place at this moment.
func (a *auditor) certain(d *simDialog, now time.Time) bool {
	return d.good(now) && !slices.ContainsFunc(a.unsure, func(o *simTx) bool {
		return o.method == sip.SUBSCRIBE && o.toTag == "" && o.expires > 0 && o.callID != d.callID &&
			o.phone == d.phone && o.aor == d.aor && o.event == d.event && now.Before(o.last.Add(transaction.TimerF+grace))
	})
}

// subscribed holds the answer to a SUBSCRIBE against the model.
func (a *auditor) subscribed(tx *simTx, m *sip.Message) {
	d := a.dialogs[tx.callID][0]
	if tx.toTag != "" {
		d = a.dialog(tx.callID, tx.toTag)
	}
	blocked := a.grant(d.aor, d.watcher, d.event).Handling == event.Block
	a.tell(d, "%d to SUBSCRIBE %d", tx.status, tx.cseq)
	if tx.toTag == "" && tx.expires > 0 && (tx.status == 200 || tx.status == 503) {
		a.replacing(tx) // of two under way it is the last that is done which counts
	}
	switch {
	case tx.status == 481 && a.certain(d, time.Now()):
		a.fail(d, "a", "the acknowledged subscription %s, good until %v, is not known", short(d.callID), d.low.Sub(a.s.began))
	case tx.status == 403 && !blocked:
		a.fail(d, "d", "%s may watch %s of %s, and is refused", d.watcher, d.event, d.aor)
	case tx.status != 200:
		return
	case blocked:
		a.fail(d, "d", "%s must not watch %s of %s, and is let in", d.watcher, d.event, d.aor)
	}
	to, _ := m.To()
	a.doubt(tx) // that a dialog may be begun
	d = a.dialog(tx.callID, string(to.Tag()))
	a.sure(func(o *simTx) bool { return o == tx })
	if tx.toTag != "" && tx.toTag != d.tag {
		a.fail(d, "c", "the tag of a dialog changes")
	}
	if got := granted(m); got > tx.expires && tx.expires >= 0 {
		a.fail(d, "a", "%v are granted, more than %v", got, tx.expires)
	}
	d.fetch = d.fetch || !d.subscribed && tx.expires == 0
	d.subscribed = true
	d.span = spanOf(tx, granted(m))
	if tx.expires > 0 && a.changing[d.aor] == 0 && !a.s.disk.holdsDialog(d.aor, d.tag) {
		a.fail(d, "g", "a subscription is acknowledged and not stored")
	}
}

// notify holds a NOTIFY against the model.
func (a *auditor) notify(phone int, m *sip.Message) {
	key := keyOf(m)
	if a.notifies[key] != nil {
		return
	}
	from, _ := m.From()
	d := a.dialog(string(m.CallID()), string(from.Tag()))
	if d == nil || d.phone != phone {
		a.s.fail("d", "phone %d is notified in a dialog that is none of its own", phone)
		return
	}
	n := &simNotify{dialog: d, sent: time.Now(), epoch: a.epoch}
	a.notifies[key] = n
	a.tell(d, "NOTIFY %s, %s", m.Value(sip.CSeq), m.Value(sip.SubscriptionState))
	a.checkNumbers(d, m, n)
	state, err := m.SubscriptionState()
	if err != nil {
		a.s.fail("d", "a NOTIFY without a good Subscription-State: %v", err)
		return
	}
	a.checkLife(d, state)
	a.checkRights(d, m, state)
	d.last = n
	d.unanswered++
	d.over = d.over || state.State == sip.Terminated
}

// checkNumbers: CSeq and version rise by one, and over a restart or a failed
// commit they rise; and the last NOTIFY had its end.
func (a *auditor) checkNumbers(d *simDialog, m *sip.Message, n *simNotify) {
	cseq, _ := m.CSeq()
	step := int64(cseq.Number) - int64(d.cseq)
	if d.last != nil && (step < 1 || step > 1 && d.epoch == a.epoch) {
		a.fail(d, "c", "CSeq %d follows %d", cseq.Number, d.cseq)
	}
	if found := versionPattern.FindSubmatch(m.Body()); found != nil && d.event != "presence" {
		version, _ := strconv.ParseInt(string(found[1]), 10, 64)
		if d.version >= 0 && version-d.version != step {
			a.fail(d, "c", "version %d follows %d, CSeq %d follows %d", version, d.version, cseq.Number, d.cseq)
		}
		d.version = version
	} else if d.version >= 0 {
		d.version += step
	}
	if l := d.last; l != nil && l.status == 0 && l.epoch == a.epoch && n.sent.Sub(l.sent) < transaction.TimerF-time.Second {
		a.fail(d, "c", "a NOTIFY goes out while the last one is under way")
	}
	d.cseq, d.epoch = cseq.Number, a.epoch
}

// checkLife: a NOTIFY belongs to a subscription that lives, and ends it once.
func (a *auditor) checkLife(d *simDialog, state sip.SubscriptionStateValue) {
	now := time.Now()
	asked := slices.ContainsFunc(a.unsure, func(o *simTx) bool { return o.method == sip.SUBSCRIBE && o.callID == d.callID })
	switch {
	case !d.subscribed && !asked:
		a.fail(d, "d", "a NOTIFY to who was refused")
	case d.over:
		a.fail(d, "e", "a NOTIFY after the end of the subscription")
	case state.State != sip.Terminated && d.subscribed && d.span.over(now) && !asked:
		a.fail(d, "e", "a NOTIFY of a subscription that ended at %v", d.high.Sub(a.s.began))
	case state.State == sip.Terminated && state.Reason == "timeout" && a.certain(d, now):
		a.fail(d, "a", "a subscription is ended before its time, %v", d.low.Sub(a.s.began))
	case state.State == sip.Terminated && state.Reason == "deactivated" && d.excuse != "": // replaced, by a commit that failed and was written
	case state.State == sip.Terminated && state.Reason != "timeout" && state.Reason != "rejected":
		a.fail(d, "e", "a subscription is ended for %q", state.Reason)
	case state.State != sip.Terminated && a.certain(d, now):
		left := time.Duration(state.Expires) * time.Second
		if left > d.high.Sub(now)+grace || left < d.low.Sub(now)-grace {
			a.fail(d, "a", "a NOTIFY says that %v are left, between %v and %v are", left, d.low.Sub(now), d.high.Sub(now))
		}
	}
	if state.State != sip.Terminated && d.subscribed && !d.fetch && !a.s.disk.holdsDialog(d.aor, d.tag) {
		a.fail(d, "g", "a NOTIFY of a subscription that is not stored")
	}
}

// checkRights: a NOTIFY tells what the rules allow, and that is what is stored.
func (a *auditor) checkRights(d *simDialog, m *sip.Message, state sip.SubscriptionStateValue) {
	g := a.grant(d.aor, d.watcher, d.event)
	told := tokensOf(d.event, m.Body())
	switch {
	case state.State == sip.Terminated && state.Reason == "rejected":
		if g.Handling != event.Block && d.excuse != excuseRules {
			a.fail(d, "d", "%s may watch %s of %s, and is rejected", d.watcher, d.event, d.aor)
		}
		if len(m.Body()) > 0 {
			a.fail(d, "d", "who is rejected is told something")
		}
		return
	case state.State == sip.Terminated && d.excuse == excuseRules: // by another end before the rules were asked
	case g.Handling == event.Block:
		a.fail(d, "d", "%s must not watch %s of %s, and is notified", d.watcher, d.event, d.aor)
	case state.State != sip.Terminated && (g.Handling == event.Confirm) != (state.State == sip.Pending):
		a.fail(d, "d", "the subscription is %s, where the rules give %v", state.State, g)
	}
	if d.event == "presence.winfo" { // told a turn later
		return
	}
	least, most := a.shown(d, g, time.Now()), a.shown(d, g, time.Now().Add(-grace))
	if !between(told, least, most) {
		a.fail(d, "d", "%s is told %v of %s of %s; stored and allowed is %v, at most %v", d.watcher, told, d.event, d.aor, least, most)
	}
}

// shown is what a watcher is shown of what is stored and lives at a moment.
func (a *auditor) shown(d *simDialog, g event.Grant, at time.Time) []string {
	stored := a.s.disk.tokens(d.aor, d.event, at)
	switch {
	case g.Handling != event.Allow:
		return nil
	case g.Rights == event.RightsAll || g.Rights == policy.Everything:
		return stored
	case d.event == "dialog" && strings.Contains(string(g.Rights), "state"):
		for i := range stored {
			stored[i] = stored[i][strings.IndexByte(stored[i], ':'):]
		}
		return sorted(stored)
	}
	return nil
}

// grant is what the rules give to a watcher.
func (a *auditor) grant(aor, watcher event.AoR, name string) event.Grant {
	all := event.Grant{Handling: event.Allow, Rights: event.RightsAll}
	own, ok := a.rules[aor]
	switch {
	case watcher == aor:
		return all
	case name != "presence" && name != "dialog":
		return event.Grant{}
	case ok:
		return own[watcher]
	case name == "dialog":
		all.Rights = policy.StateDirection
	}
	return all
}

// ruled takes over rules that are in force now.
func (a *auditor) ruled(aor event.AoR, grants map[event.AoR]event.Grant) {
	a.changing[aor]--
	delete(a.rules, aor)
	if grants != nil {
		a.rules[aor] = grants
	}
	a.s.log.add(a.s.age(), "the rules of "+short(string(aor))+" are in force")
	for _, d := range a.every() {
		if d.aor == aor && !d.over && a.grant(aor, d.watcher, d.event).Handling == event.Block {
			a.excused(d, excuseRules)
		}
	}
}

func grantsText(grants map[event.AoR]event.Grant) string {
	if grants == nil {
		return "the domain's"
	}
	var list []string
	for w, g := range grants {
		list = append(list, fmt.Sprintf("%s %d %s", short(string(w)), g.Handling, g.Rights))
	}
	return strings.Join(sorted(list), ", ")
}

// answered hears a phone's answer to a NOTIFY.
func (a *auditor) answered(m *sip.Message) {
	n := a.notifies[keyOf(m)]
	if n == nil {
		a.s.fail("wire", "a phone answers what it was not asked")
		return
	}
	n.status = m.Status()
	a.tell(n.dialog, "the phone says %d to NOTIFY %s", n.status, m.Value(sip.CSeq))
	switch {
	case n.status < 300 && time.Since(n.sent) > transaction.TimerF-2*time.Second: // too late, perhaps
	case n.status < 300:
		n.dialog.unanswered = 0
	case n.status != 500:
		a.excused(n.dialog, "the phone did not know it")
	}
}

// lost notes what is over without a word, since the server that was to say it
// is gone, or its commit failed and was written all the same.
func (a *auditor) lost(why string) {
	now := time.Now()
	for _, d := range a.every() {
		if !d.subscribed || d.over || d.lost || d.fetch || a.s.disk.holdsDialog(d.aor, d.tag) {
			continue
		}
		if a.certain(d, now) && a.changing[d.aor] == 0 {
			a.fail(d, "a", "%s: the acknowledged subscription %s is not stored", why, short(d.callID))
		}
		a.excused(d, why)
		d.lost = true
	}
	for _, tx := range a.txs {
		if now.Sub(tx.last) < grace {
			a.doubt(tx) // a late datagram may have it done once more
		}
	}
}

// restarted begins a new server.
func (a *auditor) restarted() {
	a.epoch++
	a.server++
}

// every lists all dialogs.
func (a *auditor) every() (all []*simDialog) {
	for _, list := range a.dialogs {
		all = append(all, list...)
	}
	return all
}
