package epa

import (
	"bytes"
	"slices"
	"strconv"

	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/body/reginfo"
	"lamplight/event"
)

// document is what is to be published; without a type it is nothing.
type document struct {
	kind       string
	head, tail []byte // between them stands the version, where it has one
	versioned  bool
	news       bool // it is worth a publication where there was none
}

func (d document) equal(o document) bool {
	return d.kind == o.kind && bytes.Equal(d.head, o.head) && bytes.Equal(d.tail, o.tail)
}

// body is the document in one of its versions (RFC 4235 §4.1.1).
func (d document) body(version uint32) []byte {
	b := slices.Clone(d.head)
	if d.versioned {
		b = strconv.AppendUint(b, uint64(version), 10)
	}
	return append(b, d.tail...)
}

// dialogs are the calls of somebody; nothing where there are none. What a lamp is
// made to show beside calls has no Call-ID: that is for the presence server to say.
func dialogs(aor event.AoR, doc event.Document) document {
	composed, ok := doc.(*dialoginfo.Info)
	if !ok {
		return document{}
	}
	list := slices.DeleteFunc(slices.Clone(composed.Dialogs), func(d dialoginfo.Dialog) bool { return d.CallID == "" })
	if len(list) == 0 {
		return document{}
	}
	info := dialoginfo.Info{Entity: string(aor), Dialogs: list}
	live := slices.ContainsFunc(list, func(d dialoginfo.Dialog) bool { return d.State != dialoginfo.Terminated })
	return document{dialoginfo.Type, info.AppendHead(nil), info.AppendTail(nil), true, live}
}

// registration tells whether somebody is registered. Of who was and is no longer
// it says so: nobody else can.
func registration(aor event.AoR, doc event.Document) document {
	info, ok := doc.(*reginfo.Info)
	if !ok {
		return document{}
	}
	basic, active := "closed", slices.ContainsFunc(info.Registrations, func(r reginfo.Registration) bool { return r.State == reginfo.Active })
	if active {
		basic = "open"
	}
	p := pidf.Presence{Entity: string(aor), Tuples: []pidf.Tuple{{ID: "registration", Basic: basic}}}
	return document{kind: pidf.Type, head: p.Append(nil), news: active}
}
