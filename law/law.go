// Package law holds the rules that the source itself must keep: who may import
// whom, what no package but a few may touch, how long a file may be. Its test
// applies them to the whole module; a second test shows that each rule bites.
// It reads source and runs nothing, and knows nothing of what the code means.
package law

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
)

// Law is the rules with their measures.
type Law struct {
	FileLines     int // the longest file, tests, tables and generated ones aside
	FunctionLines int // the longest function, likewise
}

// Default is what this module keeps.
var Default = Law{FileLines: 600, FunctionLines: 80}

// Violation is a place that breaks a rule.
type Violation struct {
	Rule  string // its name
	Where string // file:line, or a file or folder, relative to the module
	What  string
	Why   string // the rule's reason
}

func (v Violation) String() string {
	return fmt.Sprintf("%s: %s: %s (%s)", v.Where, v.Rule, v.What, v.Why)
}

// Check reads the module at root and returns each violation, ordered by place.
func (l Law) Check(root fs.FS) ([]Violation, error) {
	m, err := read(root)
	if err != nil {
		return nil, err
	}
	var out []Violation
	for _, r := range rules {
		r.check(l, m, func(where, what string) {
			out = append(out, Violation{r.name, where, what, r.why})
		})
	}
	slices.SortFunc(out, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Where, b.Where), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.What, b.What))
	})
	return out, nil
}
