package cold

import (
	"fmt"
	"testing"

	"lamplight/directory"
	"lamplight/event"
)

func TestGroupsOfPeople(t *testing.T) {
	s, dir := office(t)
	must(t, s.AddUser("bob@example.test", "", nil, "p"))
	must(t, s.SetGroup(directory.Group{Name: "sales", Pickup: true, Members: []event.AoR{bob, alice, alice}}))
	must(t, s.SetGroup(directory.Group{Name: "friends", Members: []event.AoR{"sip:eve@Elsewhere.test"}}))
	refused(t, "nobody", s.SetGroup(directory.Group{Name: "sales", Members: []event.AoR{"sip:nobody@example.test"}}), ErrNoUser)
	refused(t, "no name", s.SetGroup(directory.Group{Name: "a b"}), ErrBadName)
	must(t, s.Close())
	s = reopen(t, dir)
	expect := func(want string) {
		t.Helper()
		all, err := s.Groups()
		must(t, err)
		if got := fmt.Sprint(all); got != want {
			t.Errorf("groups %s, want %s", got, want)
		}
	}
	expect("[{friends false [sip:eve@elsewhere.test]} {sales true [sip:alice@example.test sip:bob@example.test]}]")
	must(t, s.SetGroup(directory.Group{Name: "sales"}))
	must(t, s.LeaveGroup("sales", alice))
	refused(t, "left twice", s.LeaveGroup("sales", alice), ErrNoUser)
	expect("[{friends false [sip:eve@elsewhere.test]} {sales false [sip:bob@example.test]}]")
	must(t, s.RemoveUser("bob@example.test"))
	must(t, s.RemoveGroup("friends"))
	refused(t, "removed twice", s.RemoveGroup("friends"), ErrNoGroup)
	expect("[{sales false []}]")
}
