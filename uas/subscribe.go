package uas

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"lamplight/event"
	"lamplight/event/messagesummary"
	"lamplight/notifier"
	"lamplight/owner"
	"lamplight/sip"
	"lamplight/sip/transaction"
)

// subscribe answers SUBSCRIBE (RFC 6665 §4.2.1).
func (s *Server) subscribe(r *transaction.Request) {
	name := eventName(&r.Message)
	to, err := r.Message.To()
	if err == nil && len(to.Tag()) > 0 {
		err = s.resubscribe(r, string(to.Tag()), name)
	} else {
		err = s.newSubscription(r, name)
	}
	if err != nil {
		s.refuse(r, name, err)
	}
}

// newSubscription begins a dialog (RFC 3261 §12.1.1).
func (s *Server) newSubscription(r *transaction.Request, name event.Name) error {
	m := &r.Message
	who, err := s.sender(r)
	if err != nil {
		return err
	}
	aor, about, err := s.resource(m)
	if number, ok := s.voiceMail(m, name); ok {
		aor, about, err = who.aor, number, nil
	}
	if err != nil {
		return s.unknownTo(who, m, err)
	}
	pkg := s.packages[name]
	if pkg == nil {
		return errEvent
	}
	f, err := s.format(m, pkg)
	if err != nil {
		return err
	}
	req := notifier.Request{AoR: aor, Entity: about, Event: name, Watcher: who.subscriber(), Peer: who.peer != "", Format: f, Device: device(m, about)}
	if req.Expires, req.Default, err = expires(m); err != nil {
		return err
	}
	set, err := s.setting(m, pkg)
	if err != nil {
		return err
	}
	sink, err := s.newSink(r, aor)
	if err != nil {
		return err
	}
	req.ID, req.Sink = sink.id, sink
	s.post(r, aor, owner.Func(func(t *owner.Turn) {
		left, err := time.Duration(0), s.set(t, req.Watcher, aor, name, set)
		if err == nil {
			left, err = s.Notifier.Subscribe(t, req)
		}
		s.answer(t, r, name, err, func() (sip.Response, time.Duration) {
			s.hang(sink.flow, hook{aor, sink.id}, left)
			resp := subscribed(sink, left)
			resp.Header = append(resp.Header, s.lines.allowEvents...) // RFC 6665 §4.4.4
			return set.answered(resp), left
		})
	}))
	return nil
}

// voiceMail is the URI of a subscription to the number that all users call to hear
// their own messages.
func (s *Server) voiceMail(m *sip.Message, name event.Name) (string, bool) {
	uri, err := sip.ParseURI(m.RequestURI())
	if err != nil || name != messagesummary.Event || s.VoiceMail == "" || uri.UserUnescaped() != s.VoiceMail || !s.serves(uri) {
		return "", false
	}
	return entity(uri), true
}

// unknownTo keeps from strangers of another domain served here whether there is
// a user: they are refused either way.
func (s *Server) unknownTo(who sender, m *sip.Message, err error) error {
	uri, e := sip.ParseURI(m.RequestURI())
	if e != nil || who.peer != "" || !errors.Is(err, errNoUser) {
		return err
	}
	book := s.Book.Load()
	_, own, _ := strings.Cut(string(who.aor), "@")
	if _, asked, _ := book.Resolve(uri); asked != nil && asked.Name != own && !book.Lists(asked.Name, own) {
		return errStranger
	}
	return err
}

// subscribed is the 200 to a SUBSCRIBE; RFC 6665 §8.3.1 knows no other.
func subscribed(d *dialogSink, left time.Duration) sip.Response {
	h := append([]byte("Expires: "), strconv.Itoa(int(left/time.Second))...)
	h = append(h, "\r\nContact: <"...)
	h = append(h, contactOf(d.flow)...)
	return sip.Response{Status: 200, ToTag: d.dialog.LocalTag, Header: append(h, ">\r\n"...)}
}

// resubscribe refreshes or ends a subscription inside its dialog. The local
// tag says which partition it belongs to.
func (s *Server) resubscribe(r *transaction.Request, tag string, name event.Name) error {
	m := &r.Message
	who, err := s.sender(r)
	if err != nil {
		return err
	}
	if s.packages[name] == nil {
		return errEvent
	}
	set, err := s.setting(m, s.packages[name])
	if err != nil {
		return err
	}
	partition, ok := tagPartition(tag)
	if !ok {
		return notifier.ErrNoSubscription
	}
	interval, dflt, err := expires(m)
	if err != nil {
		return err
	}
	id := subscriptionID(tag, m)
	return s.Owners.PostPartition(partition, owner.Func(func(t *owner.Turn) {
		left, sink, err := s.refresh(t, r, partition, notifier.Request{ID: id, Refresh: true, Event: name,
			Watcher: who.subscriber(), Peer: who.peer != "", Expires: interval, Default: dflt}, set)
		s.answer(t, r, name, err, func() (sip.Response, time.Duration) {
			s.hang(sink.flow, hook{sink.aor, sink.id}, left)
			return set.answered(subscribed(sink, left)), left
		})
	}))
}

func (s *Server) refresh(t *owner.Turn, r *transaction.Request, partition byte, req notifier.Request, set *setting) (time.Duration, *dialogSink, error) {
	m := &r.Message
	aor, f, old, ok := s.Notifier.Find(partition, req.ID)
	if to, _ := m.To(); !ok && s.Notifier.Shares(partition, string(to.Tag())) {
		return 0, nil, errSharedDialog
	}
	if !ok {
		return 0, nil, notifier.ErrNoSubscription
	}
	t.Touch(string(aor))
	sink, err := old.(*dialogSink).refreshed(r)
	if err != nil {
		return 0, nil, err
	}
	if m.Has(sip.Accept) {
		chosen, err := s.format(m, s.packages[req.Event])
		if err != nil {
			return 0, nil, err
		}
		if m.Has(sip.UserAgent) || f.Profile == 0 { // a phone need not say again what it is
			f = chosen
		}
	}
	if err := s.set(t, req.Watcher, aor, req.Event, set); err != nil {
		return 0, nil, err
	}
	req.AoR, req.Format, req.Sink = aor, f, sink
	left, err := s.Notifier.Subscribe(t, req)
	return left, sink, err
}

// subscriptionID names a subscription: its dialog, by our tag, and its event
// (RFC 6665 §4.1.2.1).
func subscriptionID(tag string, m *sip.Message) string {
	e, err := m.Event()
	if err != nil {
		return tag
	}
	return fmt.Sprintf("%s %s;%s", tag, e.Package, e.ID)
}

// newLocalTag begins with the partition of the AoR, so that a refresh finds
// its owner without a table.
func newLocalTag(aor event.AoR) string {
	return hex.EncodeToString([]byte{owner.Partition(string(aor))}) + sip.NewTag()
}

func tagPartition(tag string) (byte, bool) {
	if len(tag) < 3 {
		return 0, false
	}
	b, err := hex.DecodeString(tag[:2])
	if err != nil {
		return 0, false
	}
	return b[0], true
}

// device is what the same phone sends again after a reboot: its instance, else
// its Contact, the event id, and the URI that it watches. One user under two
// names is two lamps.
func device(m *sip.Message, entity string) string {
	n, err := sip.ParseNameAddr(m.Value(sip.Contact))
	if err != nil {
		return ""
	}
	id := string(n.URI)
	if instance, ok := n.Params.Get("+sip.instance"); ok {
		id = string(instance)
	}
	if e, err := m.Event(); err == nil {
		id += ";" + string(e.ID)
	}
	return id + " " + entity
}
