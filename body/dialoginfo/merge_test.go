package dialoginfo

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func report(by string, dialogs ...Dialog) Report { return Report{by, &Info{Dialogs: dialogs}} }

// states lists what is merged, in both orders of the reports, which must not
// matter.
func states(t *testing.T, reports ...Report) string {
	t.Helper()
	list := Merge(reports)
	slices.Reverse(reports)
	if other := Merge(reports); !reflect.DeepEqual(list, other) {
		t.Errorf("in one order\n%+v\nin the other\n%+v", list, other)
	}
	var words []string
	seen := map[string]bool{}
	for _, d := range list {
		words = append(words, d.State)
		if seen[d.ID] || d.ID == "" {
			t.Errorf("id %q twice, or empty", d.ID)
		}
		seen[d.ID] = true
	}
	return strings.Join(words, " ")
}

func TestMerge(t *testing.T) {
	d := func(id, call, local, remote, state string) Dialog {
		return Dialog{ID: id, CallID: call, LocalTag: local, RemoteTag: remote, State: state}
	}
	for _, c := range []struct {
		name    string
		reports []Report
		want    string
	}{
		{"nothing", nil, ""},
		{"a late early after terminated", []Report{report("1", d("a", "c", "l", "r", Terminated)), report("2", d("b", "c", "l", "r", Early))}, "terminated"},
		{"one source hears of the answer first", []Report{report("1", d("a", "c", "l", "r", Early)), report("2", d("b", "c", "l", "r", Confirmed))}, "confirmed"},
		{"the same id of two sources", []Report{report("1", d("a", "", "", "", Early)), report("2", d("a", "", "", "", Terminated))}, "early terminated"},
		{"one source says the same id twice", []Report{report("1", d("a", "", "", "", Terminated), d("a", "", "", "", Early))}, "terminated"},
		{"two branches of one call", []Report{report("1", d("a", "c", "l", "r1", Early)), report("2", d("a", "c", "l", "r2", Terminated))}, "early terminated"},
		{"two dialogs under one id", []Report{report("1", d("a", "c1", "l", "r", Early), d("a", "c2", "l", "r", Confirmed))}, "early confirmed"},
		{"a half and its branch", []Report{report("1", d("a", "c", "l", "", Trying)), report("2", d("a", "c", "l", "r", Early))}, "early"},
		{"a half of the called and its branch", []Report{report("1", d("a", "c", "", "r", Trying)), report("2", d("a", "c", "l", "r", Terminated))}, "terminated"},
		{"a half that has gone further than its branch", []Report{report("1", d("a", "c", "l", "r", Early)), report("2", d("b", "c", "", "", Confirmed))}, "early"},
		{"the same under one id", []Report{report("1", d("a", "c", "l", "r", Early)), report("2", d("a", "c", "", "", Confirmed))}, "confirmed"},
		{"one id for two branches", []Report{report("1", d("a", "c", "l", "r", Early), d("a", "c", "l", "r2", Early)), report("2", d("a", "c", "", "", Confirmed))}, "early early"},
		{"a half and another's branch", []Report{report("1", d("a", "c", "l", "", Trying)), report("2", d("a", "c", "k", "r", Early))}, "early trying"},
		{"a half alone", []Report{report("1", d("a", "c", "l", "", Proceeding))}, "proceeding"},
		{"two accounts of one dialog", []Report{report("1", Dialog{ID: "a", CallID: "c", State: Early, Direction: Initiator}), report("2", Dialog{ID: "b", CallID: "c", State: Early, Code: "180"})}, "early"},
		{"no state", []Report{report("1", d("a", "c", "l", "r", ""))}, ""},
		{"the order of a list", []Report{report("1", d("a", "1", "l", "r", Terminated), d("b", "2", "l", "r", Trying), d("c", "3", "l", "r", Confirmed)),
			report("2", d("d", "4", "l", "r", Proceeding), d("e", "5", "l", "r", Early))}, "early confirmed proceeding trying terminated"},
	} {
		if got := states(t, c.reports...); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestOneSourceCompletesAnother(t *testing.T) {
	list := Merge([]Report{
		report("1", Dialog{ID: "a", CallID: "c", LocalTag: "l", RemoteTag: "r", State: Confirmed, Duration: 9}),
		report("2", Dialog{ID: "b", CallID: "c", LocalTag: "l", RemoteTag: "r", State: Early, Direction: Recipient,
			Remote: Party{Identity: "sip:bob@example.org", Display: "Bob"}, Local: Party{Target: "sip:h", Params: []Param{{"+sip.rendering", "no"}}}}),
	})
	if len(list) != 1 {
		t.Fatalf("%+v", list)
	}
	d := list[0]
	if d.State != Confirmed || d.Direction != Recipient || d.Remote.Display != "Bob" || d.Local.Rendering() != "no" || d.Duration != 0 {
		t.Errorf("merged %+v", d)
	}
}

// A dialog whose later report leaves the tags out keeps them.
func TestTagsThatWereForgotten(t *testing.T) {
	list := Merge([]Report{report("1", Dialog{ID: "a", CallID: "c", LocalTag: "l", RemoteTag: "r", State: Early}),
		report("2", Dialog{ID: "a", CallID: "c", State: Confirmed})})
	if len(list) != 1 || list[0].State != Confirmed || list[0].LocalTag != "l" || list[0].RemoteTag != "r" {
		t.Errorf("%+v", list)
	}
}

func TestIdentifiersAreStableAndTellNothing(t *testing.T) {
	half := Merge([]Report{report("1", Dialog{ID: "call-1@pbx", CallID: "call-1@pbx", LocalTag: "l", State: Trying})})
	whole := Merge([]Report{report("1", Dialog{ID: "call-1@pbx", CallID: "call-1@pbx", LocalTag: "l", RemoteTag: "r", State: Early})})
	if half[0].ID != whole[0].ID {
		t.Errorf("%q became %q", half[0].ID, whole[0].ID)
	}
	if id := half[0].ID; strings.Contains(id, "call-1") || id[0] < 'a' || id[0] > 'z' {
		t.Errorf("id %q", id)
	}
}
