package fault

import (
	"errors"
	"slices"
	"testing"

	"lamplight/owner"
)

func rec(key, value string) owner.Record {
	r := owner.Record{Key: []byte(key)}
	if value != "" {
		r.Value = []byte(value)
	}
	return r
}

func load(t *testing.T, j *Journal, prefix string) (found []string) {
	t.Helper()
	if err := j.Load([]byte(prefix), func(r owner.Record) error {
		found = append(found, string(r.Key)+"="+string(r.Value))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestJournalKeepsWhatWasCommitted(t *testing.T) {
	var j Journal
	value := []byte("1")
	for _, batch := range [][]owner.Record{{{Key: []byte("b"), Value: value}, rec("a", "2"), rec("c", "3")}, {rec("a", ""), rec("c", "4")}} {
		if err := j.Commit(batch); err != nil {
			t.Fatal(err)
		}
	}
	value[0] = 'x' // the caller's bytes are the caller's
	if got := load(t, &j, ""); !slices.Equal(got, []string{"b=1", "c=4"}) || j.Len() != 2 || j.Commits() != 2 {
		t.Errorf("%q, %d records after %d commits", got, j.Len(), j.Commits())
	}
	if got := load(t, &j, "c"); !slices.Equal(got, []string{"c=4"}) {
		t.Errorf("with prefix c: %q", got)
	}
	stop := errors.New("enough")
	if err := j.Load(nil, func(owner.Record) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the reader's error became %v", err)
	}
}

func TestFailedCommitIsWrittenWhollyOrNotAtAll(t *testing.T) {
	for _, written := range []bool{false, true} {
		var j Journal
		j.Fail(func(commit int) (bool, bool) { return commit == 1, written })
		if err := j.Commit([]owner.Record{rec("a", "1"), rec("b", "2")}); !errors.Is(err, ErrCommit) {
			t.Errorf("%v, want ErrCommit", err)
		}
		want := 0
		if written {
			want = 2
		}
		if j.Len() != want {
			t.Errorf("written %t: %d records", written, j.Len())
		}
		if err := j.Commit(nil); err != nil {
			t.Errorf("the second commit: %v", err)
		}
	}
}
