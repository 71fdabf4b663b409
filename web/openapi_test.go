package web

import (
	"encoding/json"
	"strings"
	"testing"
)

// The description names each operation, and no other, with its scope.
func TestTheDescriptionIsOfWhatIsServed(t *testing.T) {
	var d struct {
		Paths map[string]map[string]struct {
			Scope string `json:"x-scope"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(description, &d); err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, one := range new(Server).routes() {
		method, path, _ := strings.Cut(one.pattern, " ")
		op, ok := d.Paths[path][strings.ToLower(method)]
		if !ok || op.Scope != one.scope {
			t.Errorf("%s: described %v, scope %q, want %q", one.pattern, ok, op.Scope, one.scope)
		}
	}
	for _, ops := range d.Paths {
		told += len(ops)
	}
	if want := len(new(Server).routes()); told != want {
		t.Errorf("%d operations are described, %d served", told, want)
	}
}
