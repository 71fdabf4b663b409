package uas

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"lamplight/body/reginfo"
	"lamplight/registrar"
	"lamplight/sip"
)

// contacts reads all values of Contact; star tells that "*" is among them.
func contacts(m *sip.Message) (list []registrar.Contact, star bool, err error) {
	n := 0
	for element := range m.Elements(sip.Contact) {
		if n++; string(element) == "*" {
			if star = true; n > 1 {
				return nil, true, registrar.ErrWildcard
			}
			continue
		}
		c, err := contact(element)
		if err != nil {
			return nil, false, err
		}
		list = append(list, c)
	}
	if n == 0 && m.Has(sip.Contact) {
		return nil, false, errMalformed
	}
	return list, star, checkFlows(m, list)
}

// lists tells whether a header field lists an option tag.
func lists(m *sip.Message, h sip.Header, tag string) bool {
	for element := range m.Elements(h) {
		if strings.EqualFold(string(element), tag) {
			return true
		}
	}
	return false
}

// contact reads one value of Contact in a REGISTER (RFC 3261 §10.2.1). A flow
// without an instance is none (RFC 5626 §6).
func contact(element []byte) (registrar.Contact, error) {
	n, err := sip.ParseNameAddr(element)
	if err != nil {
		return registrar.Contact{}, errMalformed
	}
	c := registrar.Contact{URI: string(n.URI), DisplayName: string(n.Display), Expires: registrar.Unasked}
	var instance, flow string
	for _, p := range params(n.Params) {
		switch strings.ToLower(p.Name) {
		case "expires":
			c.Expires = seconds(p.Value)
			continue
		case "q":
			if !isQuality(p.Value) {
				return registrar.Contact{}, errMalformed
			}
			c.Q = p.Value
			continue
		case "+sip.instance":
			instance = p.Value
		case "reg-id":
			flow = p.Value
		}
		c.Params = append(c.Params, p)
	}
	if instance == "" || flow == "" {
		return c, nil
	}
	n31, err := strconv.ParseUint(flow, 10, 31)
	if err != nil || n31 == 0 { // RFC 5626 §10
		return registrar.Contact{}, errMalformed
	}
	c.Instance, c.RegID = instance, strconv.FormatUint(n31, 10)
	return c, nil
}

// params are parameters with their values as written, quotes and all. A URI
// in angle brackets without quotes, as some write +sip.instance, is one value.
func params(p sip.Params) (list []reginfo.Param) {
	quoted, angle, from := false, false, 0
	add := func(one []byte) {
		name, value, _ := bytes.Cut(one, []byte("="))
		if name = bytes.TrimSpace(name); len(name) > 0 {
			list = append(list, reginfo.Param{Name: string(name), Value: string(bytes.TrimSpace(value))})
		}
	}
	for i := 0; i < len(p); i++ {
		switch {
		case quoted && p[i] == '\\':
			i++
		case p[i] == '"' && !angle:
			quoted = !quoted
		case quoted:
		case p[i] == '<' || p[i] == '>':
			angle = p[i] == '<'
		case p[i] == ';' && !angle:
			add(p[from:i])
			from = i + 1
		}
	}
	add(p[from:])
	return list
}

// seconds is the value of an expires parameter; RFC 3261 §10.2.1.1 says what
// one means that cannot be read.
func seconds(value string) time.Duration {
	n, err := strconv.ParseUint(value, 10, 32)
	switch {
	case errors.Is(err, strconv.ErrRange):
		n = math.MaxUint32
	case err != nil:
		return malformedExpires
	}
	return time.Duration(n) * time.Second
}

// isQuality tells a qvalue (RFC 3261 §25.1): from 0 to 1, three decimals.
func isQuality(s string) bool {
	whole, decimals, _ := strings.Cut(s, ".")
	switch {
	case whole != "0" && whole != "1", len(decimals) > 3:
		return false
	case whole == "1":
		return strings.Trim(decimals, "0") == ""
	}
	return strings.Trim(decimals, "0123456789") == ""
}
