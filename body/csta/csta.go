// Package csta is what telephones and servers say to each other of do not disturb
// and of forwarded calls, in the words of ECMA-323 as Broadsoft's feature key
// synchronization uses them: SetDoNotDisturb and SetForwarding from the telephone,
// DoNotDisturbEvent and ForwardingEvent to it. No RFC has them. It leaves out call
// centres, hoteling and all the rest of CSTA.
package csta

import (
	"errors"
	"strconv"
	"strings"
	"unicode"

	"lamplight/body/internal/xmltree"
)

// Type is the media type of a document, and of each part of several.
const Type = "application/x-as-feature-event+xml"

// Space is the documents' namespace. Some telephones restart where it is missing,
// and read nothing where it is another.
const Space = "http://www.ecma-international.org/standards/ecma-323/csta/ed3"

// Kind names a feature.
type Kind string

// The features: do not disturb, and the forwardings by their names in a document.
const (
	DoNotDisturb Kind = "doNotDisturb"
	Immediate    Kind = "forwardImmediate"
	Busy         Kind = "forwardBusy"
	NoAnswer     Kind = "forwardNoAns"
)

// Feature is how a feature is set, or shall be.
type Feature struct {
	Kind  Kind
	On    bool
	To    string // where calls are forwarded to, as it is dialled; "": not said
	Rings int    // before a call counts as not answered; 0: not said
}

// Features are what a user has, in the order in which they are told.
type Features struct{ List []Feature }

// The most that is read of a document's values.
const (
	maxTo    = 256 // bytes
	maxRings = 100
)

// ParseSet reads what a telephone wants to be set.
func ParseSet(b []byte) (Feature, error) {
	f, said, err := parse(b, "SetDoNotDisturb", "SetForwarding")
	if err == nil && !said {
		err = errors.New("neither on nor off is said")
	}
	return f, err
}

// ParseEvent reads what a telephone is told of one feature.
func ParseEvent(b []byte) (Feature, error) {
	f, _, err := parse(b, "DoNotDisturbEvent", "ForwardingEvent")
	return f, err
}

// parse reads a document of one of two roots. said tells whether it says on or off.
func parse(b []byte, dnd, forwarding string) (f Feature, said bool, err error) {
	root, err := xmltree.Parse(b)
	switch {
	case err != nil:
		return f, false, err
	case root.Is(Space, dnd):
		f.Kind = DoNotDisturb
	case !root.Is(Space, forwarding):
		return f, false, errors.New("neither a " + dnd + " nor a " + forwarding + " of " + Space)
	}
	for _, n := range root.Children {
		text := strings.TrimSpace(n.Text)
		switch n.Local {
		case "doNotDisturbOn", "activateForward", "forwardStatus":
			if f.On, said = truth(text); !said {
				return f, false, errors.New("neither true nor false: " + text)
			}
		case "forwardingType":
			f.Kind = Kind(text)
		case "forwardDN", "forwardTo":
			f.To = text
		case "ringCount":
			f.Rings, _ = strconv.Atoi(text) // what is no number says nothing
		}
	}
	f.Rings = min(max(f.Rings, 0), maxRings)
	return f, said, f.check(root.Local == dnd)
}

func (f *Feature) check(dnd bool) error {
	forwards := f.Kind == Immediate || f.Kind == Busy || f.Kind == NoAnswer
	switch {
	case dnd != (f.Kind == DoNotDisturb), !dnd && !forwards:
		return errors.New("no forwardingType that is known: " + string(f.Kind))
	case len(f.To) > maxTo || strings.ContainsFunc(f.To, unicode.IsControl):
		return errors.New("calls cannot be forwarded to that")
	}
	return nil
}

func truth(text string) (on, said bool) {
	switch strings.ToLower(text) {
	case "true", "1":
		return true, true
	case "false", "0":
		return false, true
	}
	return false, false
}

// Reply is the answer to a document that was set.
func Reply(k Kind) []byte {
	name := "SetForwardingResponse"
	if k == DoNotDisturb {
		name = "SetDoNotDisturbResponse"
	}
	return []byte(declaration + "<" + name + ` xmlns="` + Space + `"/>` + "\r\n")
}

const declaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\r\n"

// Append prints the event that tells of a feature. Telephones want the device to
// be there, and do not read it.
func (f *Feature) Append(b []byte) []byte {
	name := "ForwardingEvent"
	if f.Kind == DoNotDisturb {
		name = "DoNotDisturbEvent"
	}
	b = append(b, declaration+"<"+name+` xmlns="`+Space+`">`+"\r\n<device><notKnown/></device>\r\n"...)
	if f.Kind == DoNotDisturb {
		b = appendLine(b, "doNotDisturbOn", strconv.FormatBool(f.On))
	} else {
		b = appendLine(b, "forwardingType", string(f.Kind))
		b = appendLine(b, "forwardStatus", strconv.FormatBool(f.On))
		b = appendLine(b, "forwardTo", f.To)
		if f.Kind == NoAnswer {
			b = appendLine(b, "ringCount", strconv.Itoa(f.Rings))
		}
	}
	return append(b, "</"+name+">\r\n"...)
}

func appendLine(b []byte, name, text string) []byte {
	b = xmltree.AppendEscaped(append(b, "<"+name+">"...), text)
	return append(b, "</"+name+">\r\n"...)
}

// boundary stands between the parts: no part can hold it, for what others have
// written is one line of it at most, and begins with no hyphen.
const boundary = "lamplight-features"

// Multipart is the media type of several features (RFC 2046 §5.1.3).
const Multipart = `multipart/mixed;boundary="` + boundary + `"`

// Append prints the events of all features: one document, or with several a part
// of its own for each. kind is its media type.
func (f *Features) Append(b []byte) (body []byte, kind string) {
	if len(f.List) == 1 {
		return f.List[0].Append(b), Type
	}
	for i := range f.List {
		b = append(b, "--"+boundary+"\r\nContent-Type: "+Type+"\r\n\r\n"...)
		b = append(f.List[i].Append(b), "\r\n"...)
	}
	return append(b, "--"+boundary+"--\r\n"...), Multipart
}

// Find is a user's feature of a kind.
func (f *Features) Find(k Kind) Feature {
	for _, one := range f.List {
		if one.Kind == k {
			return one
		}
	}
	return Feature{Kind: k}
}
