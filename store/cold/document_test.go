package cold

import (
	"errors"
	"slices"
	"testing"
	"time"

	"lamplight/event"
)

func kept(aor event.AoR, auid, name, tag, body string) Document {
	return Document{DocumentKey{aor, auid, name}, tag, []byte(body), noon.Add(1500 * time.Microsecond)}
}

func refused(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

const (
	alice = event.AoR("sip:alice@example.test")
	bob   = event.AoR("sip:bob@example.test")
)

func TestADocumentIsChangedByWhoKnowsItAsItIs(t *testing.T) {
	s, dir := office(t)
	key := DocumentKey{alice, "pres-rules", "index"}
	body := "<a>\r\n \x00\xff</a>"
	must(t, s.PutDocument(kept(alice, "pres-rules", "index", "1", "old"), ""))
	refused(t, "made twice", s.PutDocument(kept(alice, "pres-rules", "index", "2", "x"), ""), ErrStale)
	refused(t, "another tag", s.PutDocument(kept(alice, "pres-rules", "index", "2", "x"), "0"), ErrStale)
	refused(t, "another name", s.PutDocument(kept(alice, "pres-rules", "other", "2", "x"), "1"), ErrStale)
	refused(t, "nobody's", s.PutDocument(kept(bob, "pres-rules", "index", "2", "x"), ""), ErrNoUser)
	must(t, s.PutDocument(kept(alice, "pres-rules", "index", "2", body), "1"))
	must(t, s.Close())

	s = reopen(t, dir)
	d, err := s.Document(key)
	must(t, err)
	if string(d.Body) != body || d.ETag != "2" || d.DocumentKey != key || !d.Changed.Equal(noon.Add(time.Millisecond)) {
		t.Errorf("read %+v", d)
	}
	refused(t, "deletion by another tag", s.DeleteDocument(key, "1"), ErrStale)
	must(t, s.DeleteDocument(key, "2"))
	refused(t, "deleted twice", s.DeleteDocument(key, "2"), ErrStale)
	_, err = s.Document(key)
	refused(t, "read once more", err, ErrNoDocument)
}

func TestDocumentsAreListedByUsageAndByUserAndEndWithTheUser(t *testing.T) {
	s, _ := office(t)
	must(t, s.AddUser("bob@example.test", "", nil, "p"))
	for _, d := range []Document{
		kept(bob, "resource-lists", "index", "1", "b"), kept(alice, "resource-lists", "z", "2", "z"),
		kept(alice, "resource-lists", "index", "3", "a"), kept(alice, "pres-rules", "index", "4", "r"),
	} {
		must(t, s.PutDocument(d, ""))
	}
	bodies := func(aor event.AoR, auid string) (list []string) {
		docs, err := s.Documents(aor, auid)
		must(t, err)
		for _, d := range docs {
			list = append(list, string(d.Body))
		}
		return list
	}
	if all, hers := bodies("", "resource-lists"), bodies(alice, "resource-lists"); !slices.Equal(all, []string{"a", "z", "b"}) || !slices.Equal(hers, []string{"a", "z"}) {
		t.Errorf("all %q, hers %q", all, hers)
	}
	tags, err := s.DocumentTags(alice)
	must(t, err)
	if len(tags) != 3 || tags[DocumentKey{alice, "pres-rules", "index"}] != "4" {
		t.Errorf("tags %v", tags)
	}
	if all, err := s.DocumentTags(""); err != nil || len(all) != 4 || all[DocumentKey{alice, "pres-rules", "index"}] != "4" {
		t.Errorf("all tags %v, %v", all, err)
	}
	must(t, s.RemoveUser("alice@example.test"))
	if all := bodies("", "resource-lists"); !slices.Equal(all, []string{"b"}) {
		t.Errorf("after Alice left: %q", all)
	}
}
