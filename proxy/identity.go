package proxy

import (
	"strings"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// notFromPhones are header fields that say who somebody is, and that only those
// may say who are trusted (RFC 3325 §5).
var notFromPhones = []sip.Header{sip.PAssertedIdentity, sip.PPreferredIdentity, sip.RemotePartyID}

// identities changes who a request says it is from: what a user's phone says of
// that is replaced by what was proved, and told to those alone who may know it (RFC
// 3325 §5, §7). The credentials for us end here (RFC 3261 §22.3).
func (cx *context) identities(e *sip.Edit, f transaction.Flow) {
	m := &cx.request.Message
	hidden := wantsPrivacy(m) && !cx.proxy.o.Trusted(f.Remote().Addr())
	if !cx.caller.Peer || hidden {
		e.Drop = append(e.Drop, notFromPhones...)
	}
	if !hidden && !cx.caller.Peer && cx.caller.AoR != "" {
		e.Header = append(e.Header, "P-Asserted-Identity: "...)
		if cx.caller.Display != "" {
			e.Header = append(sip.AppendQuoted(e.Header, cx.caller.Display), ' ')
		}
		e.Header = append(append(append(e.Header, '<'), cx.caller.AoR...), ">\r\n"...)
	}
	cx.credentials(e, m)
}

// credentials keeps back those of our realm.
func (cx *context) credentials(e *sip.Edit, m *sip.Message) {
	if cx.caller.Realm == "" || !m.Has(sip.ProxyAuthorization) {
		return
	}
	e.Drop = append(e.Drop, sip.ProxyAuthorization)
	for v := range m.Fields(sip.ProxyAuthorization) {
		if !strings.Contains(string(v), `realm="`+cx.caller.Realm+`"`) {
			e.Header = append(append(append(e.Header, "Proxy-Authorization: "...), v...), "\r\n"...)
		}
	}
}

// wantsPrivacy tells whether a caller asks that its identity is kept (RFC 3323
// §4.2, RFC 3325 §9.3).
func wantsPrivacy(m *sip.Message) bool {
	for v := range m.Fields(sip.Privacy) {
		for word := range strings.FieldsFuncSeq(string(v), func(r rune) bool { return r == ';' || r == ',' || r == ' ' || r == '\t' }) {
			switch strings.ToLower(word) {
			case "id", "user", "header":
				return true
			}
		}
	}
	return false
}
