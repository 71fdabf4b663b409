package law

import (
	"slices"
	"strings"
)

// class is a group of packages with the same place in the design: each may
// import what is listed and nothing else of the module. A pattern that ends in
// "/..." also means everything below.
type class struct {
	name     string
	packages []string
	may      []string
	why      string
}

// stages are the steps on an event's way. Each knows the vocabulary and the
// interface of its next neighbour, which it declares itself.
var stages = []string{"esc", "policy", "notifier", "registrar", "proxy", "call", "rls"}

// edges touch the world: wire, disk, people.
var edges = []string{
	"uas", "epa", "mwi", "store/...", "xcap", "calendar", "config", "metrics", "control", "sip/ua", "load",
}

// below the edges lies what an edge may use.
var below = append([]string{
	"sip", "sip/transaction", "sip/trace", "sip/hep", "sip/digest", "sip/resolve", "sip/wire", "event/...", "body/...", "owner", "record", "directory/...",
}, stages...)

const stageLaw = "a stage sees its inputs and its own next interface, so that it can be tested by hand and moved"

// classes is the import law. A package's own name decides, else the longest
// fitting pattern.
var classes = []class{
	{"wire", []string{"sip/..."}, []string{"sip/..."},
		"the SIP stack is of use without this server"},
	{"body", []string{"body/..."}, []string{"body/..."},
		"documents are parsed and printed without knowing who wants them"},
	{"contract", []string{"event"}, nil,
		"what all stages share depends on none"},
	{"contract", []string{"owner", "record"}, nil,
		"turns and records know nothing of what they carry"},
	{"event package", []string{"event/..."}, []string{"event", "body/..."},
		"an event package is one folder that can be added or left out"},
	{"directory", []string{"directory/..."}, []string{"event", "sip", "sip/digest"},
		"names are found without knowing who asks"},
	{"stage", []string{"esc", "policy", "notifier", "rls"}, []string{"event", "owner", "record", "body/..."}, stageLaw},
	{"stage", []string{"registrar", "call"}, []string{"event", "owner", "record", "body/...", "sip"}, stageLaw},
	{"stage", []string{"proxy"}, []string{"event", "sip", "sip/transaction", "sip/resolve"},
		"the proxy is made of transactions (RFC 3261 §16), and asks for what it needs of other stages by interfaces of its own"},
	{"edge", edges, below, "only the composition root connects edges"},
	{"edge", []string{"callcontrol"}, append([]string{"sip/ua"}, below...),
		"what makes calls for others is a user agent of the server's own, and connects no other edges"},
	{"edge", []string{"web/..."}, append([]string{"web/...", "callcontrol"}, below...),
		"what browsers and programs speak to is one edge of several parts: signing in, the interface, the pages"},
	{"root", []string{"app/..."}, []string{"..."}, ""},
	{"command", []string{"cmd/...", "bench/..."}, []string{"..."}, ""},
	{"project", []string{"law/...", "standards/...", "interop/..."}, []string{"standards"},
		"what checks the source doesn't run it"},
}

// classOf returns the class of a package, nil for one that no class names.
func classOf(pkg string) *class {
	var best *class
	var length int
	for i, c := range classes {
		for _, p := range c.packages {
			switch {
			case p == pkg:
				return &classes[i]
			case fits(pkg, p) && len(p) > length:
				best, length = &classes[i], len(p)
			}
		}
	}
	return best
}

// fits says whether a package's path, or an import's, is what a pattern means.
func fits(pkg, pattern string) bool {
	folder, below := strings.CutSuffix(pattern, "...")
	if !below {
		return pkg == pattern
	}
	return strings.HasPrefix(pkg+"/", folder)
}

func fitsAny(pkg string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return fits(pkg, p) })
}
