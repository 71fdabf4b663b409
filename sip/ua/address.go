package ua

import (
	"errors"
	"fmt"
	"strings"

	"lamplight/sip"
)

var errLineBreak = errors.New("ua: a line break or another control character in a header field")

// clean tells whether values may stand in header fields.
func clean(values ...string) bool {
	for _, v := range values {
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return false
		}
	}
	return true
}

// address is an address-of-record.
type address struct{ uri, scheme, user, host string }

// parseAddress reads a URI, or one without its scheme: "alice@example.test".
func parseAddress(s string) (address, error) {
	uri := s
	if lower := strings.ToLower(s); !strings.HasPrefix(lower, "sip:") && !strings.HasPrefix(lower, "sips:") && !strings.HasPrefix(lower, "tel:") {
		uri = "sip:" + s
	}
	u, err := sip.ParseURI([]byte(uri))
	if err != nil || !clean(uri) || strings.ContainsAny(uri, " <>\"") {
		return address{}, fmt.Errorf("ua: %q is not an address-of-record such as sip:alice@example.test", s)
	}
	return address{uri, strings.ToLower(string(u.Scheme)), string(u.User), string(u.Host)}, nil
}

// prefix is the user part before a host.
func (a address) prefix() string {
	if a.user == "" || a.scheme == "tel" {
		return ""
	}
	return a.user + "@"
}

// nameAddr is the address as From and To write it.
func (a address) nameAddr(display string) string {
	if display == "" {
		return "<" + a.uri + ">"
	}
	return string(sip.AppendQuoted(nil, display)) + " <" + a.uri + ">"
}

// resource is who a request is about: the user, where nobody is named.
func (a *Agent) resource(aor string) (address, error) {
	if aor == "" {
		return a.user, nil
	}
	return parseAddress(aor)
}

// contactValue is the value of Contact in our requests.
func (a *Agent) contactValue() string {
	v := "<" + a.Contact() + ">"
	if a.o.Instance != "" {
		v += `;+sip.instance="<` + a.o.Instance + `>"`
	}
	if a.o.Q != "" {
		v += ";q=" + a.o.Q
	}
	return v
}

// header builds header fields, line by line.
type header []byte

func (h header) add(f sip.Header, value string) header {
	return append(append(append(append(h, f.String()...), ": "...), value...), "\r\n"...)
}
