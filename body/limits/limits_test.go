package limits

import (
	"strings"
	"testing"
)

func TestExceeded(t *testing.T) {
	low := XML{Depth: 3, Attributes: 2, Namespaces: 1}
	for body, want := range map[string]bool{
		"<a><b><c/></b></a>":             false,
		"<a><b><c><d/></c></b></a>":      true,
		`<a x="1" y="2"/>`:               false,
		`<a x="1" y="2" z="3"/>`:         true,
		`<a xmlns="one"/>`:               false,
		`<a xmlns="one" xmlns:b="two"/>`: true,
		"<a>":                            false, // broken, but not large
		"nothing":                        false,
		strings.Repeat("<a>", Most.Depth+1) + "<<": true,
	} {
		if got := Exceeded([]byte(body), low); got != want {
			t.Errorf("%s: %v, want %v", body, got, want)
		}
	}
	if Exceeded([]byte("<a><b><c><d/></c></b></a>"), Most) {
		t.Error("a small document exceeds the parsers' limits")
	}
}
