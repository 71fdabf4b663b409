package uas_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"lamplight/esc"
	"lamplight/event"
	"lamplight/event/dialog"
	"lamplight/event/presence"
	"lamplight/event/reg"
	"lamplight/event/winfo"
	"lamplight/notifier"
	"lamplight/owner"
	"lamplight/policy"
	"lamplight/registrar"
	"lamplight/sip"
	"lamplight/sip/digest"
	"lamplight/sip/resolve"
	"lamplight/sip/torture"
	"lamplight/sip/transaction"
	"lamplight/sip/wire"
	"lamplight/store/fault"
	"lamplight/uas"
)

// whole is all stages behind a server that believes everybody, in a network in
// memory.
type whole struct {
	esc       *esc.Compositor
	notifier  *notifier.Notifier
	registrar *registrar.Registrar
	owners    *owner.Owners
	server    *uas.Server
	layer     *transaction.Layer
	socket    *wire.Socket // a client's
	stop      func()
}

var wholeAt = netip.MustParseAddrPort("192.0.2.1:5060")

func newWhole(t testing.TB, journal owner.Journal) *whole {
	people := presence.Package{Registrar: true}
	packages := []event.Package{people, dialog.Package{Registrar: true}, reg.Package{}, winfo.Of(people)}
	w := &whole{}
	rules := policy.New(policy.Options{})
	w.esc = esc.New(packages, func(a event.AoR, entity string) bool { return string(a) == entity }, esc.Limits{})
	w.notifier = notifier.New(packages, rules.Decide, notifier.Options{Inputs: w.esc, Document: w.esc.Document, Newest: w.esc.Newest,
		Sink: func(id string, saved []byte) notifier.Sink { return w.server.Sink(id, saved) }})
	w.esc.Tell(w.notifier)
	w.registrar = registrar.New(w.esc, registrar.Options{})
	w.owners = owner.New(journal, w, owner.Options{Owners: 2, Floor: -1})
	w.server = uas.New(uas.Options{Owners: w.owners, ESC: w.esc, Notifier: w.notifier, Registrar: w.registrar, Packages: packages, Book: book(),
		Verifier: digest.New([32]byte{1}, time.Now, digest.Options{}), NoAuth: true})
	n := wire.New(1)
	w.layer = transaction.New(w.server, transaction.Options{Listen: func(_, addr string) (transaction.PacketConn, error) { return n.Listen(addr) }})
	w.server.Use(w.layer, resolve.NewSender(resolve.New(resolve.Options{}), w.layer))
	if _, err := w.layer.Listen("udp:" + wholeAt.String()); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.socket, err = n.Listen("203.0.113.1:5060"); err != nil {
		t.Fatal(err)
	}
	if err := w.owners.Load(time.Now()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.owners.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = w.socket.Close()
		_ = w.layer.Close()
	}
	return w
}

// Forget and Restore are what the spine does.
func (w *whole) Forget(t *owner.Turn, key string) {
	w.esc.Forget(t, key)
	w.registrar.Forget(t, key)
	w.notifier.Forget(t, key)
}

func (w *whole) Restore(t *owner.Turn, key string, kind byte, id string, value []byte) error {
	err := errors.New("of an unknown kind")
	switch kind {
	case esc.KindBody, esc.KindPublication:
		err = w.esc.Restore(t, key, kind, id, value)
	case registrar.KindBinding:
		err = w.registrar.Restore(t, key, kind, id, value)
	case notifier.KindSubscription:
		err = w.notifier.Restore(t, key, kind, id, value)
	}
	_ = err // what cannot be read is left out
	return nil
}

// probe is a request whose answer shows that the server goes on.
func probe(id string) []byte {
	return fmt.Appendf(nil, "OPTIONS sip:example.test SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK%s;rport\r\nFrom: <sip:p@example.test>;tag=p\r\nTo: <sip:example.test>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\n\r\n", id, id)
}

// heard reads what the server says until the answer to a probe, and refuses what
// it asks.
func (w *whole) heard(id string) error {
	for b := make([]byte, 1<<16); ; {
		size, from, err := w.socket.ReadFromUDPAddrPort(b)
		if err != nil {
			return err
		}
		var m sip.Message
		if err := m.Parse(bytes.Clone(b[:size])); err != nil {
			return fmt.Errorf("the server says what cannot be read: %w\n%s", err, b[:size])
		}
		switch {
		case m.IsRequest():
			_, _ = w.socket.WriteToUDPAddrPort((&sip.Response{Status: 481, ToTag: "t"}).Append(nil, &m, from), from)
		case string(m.CallID()) == id:
			return nil
		}
	}
}

// ofClients are requests that get far.
func ofClients() (list [][]byte) {
	body := "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:alice@example.test'><tuple id='a'><status><basic>open</basic></status></tuple></presence>"
	for i, c := range [][3]string{{"SUBSCRIBE", "Event: dialog;id=1\r\nExpires: 600\r\nAccept: */*;q=0.1\r\nRecord-Route: <sip:203.0.113.1;lr>\r\n", ""}, {"PUBLISH", "Event: presence\r\nContent-Type: application/pidf+xml\r\n", body},
		{"REGISTER", "Path: <sip:203.0.113.1;lr;ob>\r\nSupported: path, outbound\r\n", ""}} {
		list = append(list, fmt.Appendf(nil, "%s sip:alice@example.test SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK%d;rport\r\nFrom: <sip:alice@example.test>;tag=a\r\nTo: <sip:alice@example.test>\r\nCall-ID: %d\r\nCSeq: 1 %s\r\n"+
			"Contact: <sip:alice@203.0.113.1>;q=0.1;+sip.instance=\"<urn:x>\";reg-id=1;expires=700\r\n%sContent-Length: %d\r\n\r\n%s", c[0], i, i, c[0], c[1], len(c[2]), c[2]))
	}
	return list
}

// FuzzServer: whatever a datagram holds, the server answers the next one, and all
// that it says can be read.
func FuzzServer(f *testing.F) {
	for _, m := range torture.Messages {
		f.Add(m.Bytes())
	}
	for _, b := range ofClients() {
		f.Add(b)
	}
	w := newWhole(f, nil)
	f.Cleanup(w.stop)
	var probes atomic.Int64
	f.Fuzz(func(t *testing.T, b []byte) {
		id := fmt.Sprint("probe-", probes.Add(1))
		for _, text := range [][]byte{b, probe(id)} {
			_, _ = w.socket.WriteToUDPAddrPort(text, wholeAt)
		}
		if err := w.heard(id); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzStored: whatever a stored record holds, the server begins with it, and
// serves.
func FuzzStored(f *testing.F) {
	kept := &fault.Journal{} // what a server really stores
	w := newWhole(f, kept)
	for _, b := range ofClients() {
		_, _ = w.socket.WriteToUDPAddrPort(b, wholeAt)
	}
	for range 3 {
		if _, _, err := w.socket.ReadFromUDPAddrPort(make([]byte, 1<<16)); err != nil {
			f.Fatal(err)
		}
	}
	w.stop()
	_ = kept.Load(nil, func(r owner.Record) error {
		if _, kind, id, err := owner.ParseKey(r.Key); err == nil {
			f.Add(kind, id, r.Value)
		}
		return nil
	})
	f.Fuzz(func(t *testing.T, kind byte, id string, value []byte) {
		journal := &fault.Journal{}
		if err := journal.Commit([]owner.Record{{Key: owner.Key("sip:alice@example.test", kind, id), Value: value}}); err != nil {
			t.Fatal(err)
		}
		w := newWhole(t, journal)
		defer w.stop()
		_, _ = w.socket.WriteToUDPAddrPort(probe("p"), wholeAt)
		if err := w.heard("p"); err != nil {
			t.Fatal(err)
		}
	})
}
