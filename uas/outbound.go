package uas

import (
	"slices"
	"strconv"
	"time"

	"lamplight/registrar"
	"lamplight/sip"
	"lamplight/sip/transaction"
)

// flowTimer is how often who registers over a connection is asked to say
// something on it (RFC 5626 §4.4): a broken one is noticed by then. It is what a
// client does unasked (RFC 5626 §4.4.1). We close none for its silence.
const flowTimer = 2 * time.Minute

// ComesBack is how long a device may need to notice that its connection is gone,
// and to come back: the next keep-alive fails, and then it waits for half a
// minute (RFC 5626 §4.5).
const ComesBack = flowTimer + 30*time.Second

// checkFlows applies RFC 5626 §6 to the contacts of a REGISTER: where flows
// cannot be known their numbers count for nothing, and one request registers one.
func checkFlows(m *sip.Message, list []registrar.Contact) error {
	isFlow := func(c registrar.Contact) bool { return c.RegID != "" }
	if !slices.ContainsFunc(list, isFlow) {
		return nil
	}
	if !firstHopKnowsFlows(m) {
		if lists(m, sip.Supported, "outbound") {
			return errFirstHop
		}
		for i := range list {
			list[i].Instance, list[i].RegID = "", ""
		}
		return nil
	}
	expires, asked := registerExpires(m), 0
	for _, c := range list {
		if c.Expires > 0 || c.Expires == registrar.Unasked && expires != 0 {
			asked++
		}
	}
	if asked > 1 {
		return errSeveralFlows
	}
	return nil
}

// firstHopKnowsFlows tells whether the device's first hop is us, or says in Path
// that it knows flows. It put its value there first, which now is the last; no
// other may say ob (RFC 5626 §5.1).
func firstHopKnowsFlows(m *sip.Message) bool {
	if hops(m) == 1 {
		return true
	}
	var first []byte
	for element := range m.Elements(sip.Path) {
		first = element
	}
	n, err := sip.ParseNameAddr(first)
	if err != nil {
		return false
	}
	uri, err := n.ParseURI()
	_, ob := uri.Params.Get("ob")
	return err == nil && ob
}

// outbound are the header fields that say that a flow was registered, and how
// often the device should say something on it where it is connected to us (RFC
// 5626 §6, §5.4).
func outbound(h []byte, r *transaction.Request, req *registrar.Request) []byte {
	flow := slices.ContainsFunc(req.Contacts, func(c registrar.Contact) bool { return c.RegID != "" })
	if !flow || !lists(&r.Message, sip.Supported, "outbound") {
		return h
	}
	h = append(h, "Require: outbound\r\n"...)
	if r.Flow.Reliable() && hops(&r.Message) == 1 {
		h = strconv.AppendInt(append(h, "Flow-Timer: "...), int64(flowTimer/time.Second), 10)
		h = append(h, "\r\n"...)
	}
	return h
}
