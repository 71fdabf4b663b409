package reg

import (
	"strings"
	"testing"
	"time"

	"lamplight/body/reginfo"
	"lamplight/event"
	"lamplight/event/eventtest"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func contact(id, state, why string) *reginfo.Contact {
	return &reginfo.Contact{ID: id, URI: "sip:alice@192.0.2." + id, State: state, Event: why, CSeq: 1, CallID: "c",
		Since: noon.Add(-time.Hour), Until: noon.Add(time.Hour)}
}

func input(c *reginfo.Contact) event.Input {
	return event.Input{Key: event.Key{Event: "reg", Source: event.Registrar, ID: c.ID}, Made: noon, Doc: c}
}

func TestContract(t *testing.T) {
	eventtest.Run(t, Package{}, input(contact("1", reginfo.Active, "registered")), input(contact("2", reginfo.Active, "refreshed")),
		contact("3", reginfo.Terminated, "expired"))
}

func compose(in ...event.Input) reginfo.Registration {
	d, _ := Package{}.Compose("sip:alice@example.com", in, noon)
	return d.(*reginfo.Info).Registrations[0]
}

func TestTheStateOfARegistration(t *testing.T) {
	active, ended := input(contact("1", reginfo.Active, "registered")), input(contact("2", reginfo.Terminated, "unregistered"))
	for _, c := range []struct {
		in   []event.Input
		want string
	}{
		{nil, reginfo.Init},
		{[]event.Input{active}, reginfo.Active},
		{[]event.Input{active, ended}, reginfo.Active},
		{[]event.Input{ended, active}, reginfo.Active},
		{[]event.Input{ended}, reginfo.Terminated},
	} {
		if got := compose(c.in...); got.State != c.want || len(got.Contacts) != len(c.in) {
			t.Errorf("%d contacts: %+v, want %s", len(c.in), got, c.want)
		}
	}
}

func TestLengthsAreToldAsOfNow(t *testing.T) {
	d, _ := Package{}.Compose("sip:alice@example.com", []event.Input{input(contact("1", reginfo.Active, "registered"))}, noon)
	b, err := Package{}.EncodeAt("sip:1001@example.com", d, event.Format{}, noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b.Head) + "0" + string(b.Tail)
	for _, want := range []string{`aor="sip:1001@example.com"`, `state="active"`, `duration-registered="3660"`, `expires="3540"`, "<uri>sip:alice@192.0.2.1</uri>"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
}
