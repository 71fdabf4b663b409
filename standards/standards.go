// Package standards knows which standards the server follows, how far, and
// where it deviates on purpose; and it checks that what the source cites is
// there. Of RFC 3903, RFC 6665, RFC 3856, RFC 5626 and RFC 3263 it lists each
// requirement with the test that shows it. It holds facts about the texts and none
// of the texts.
package standards

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

//go:generate go run ./generate

//go:embed sections.txt require/*.txt
var files embed.FS

// State says how far a standard is followed.
type State string

const (
	Supported State = "supported"
	Partly    State = "partly"
	No        State = "no"
	Obsoleted State = "obsoleted"
)

// Standard is an RFC as far as it concerns the server.
type Standard struct {
	Number int
	Title  string
	State  State
	Note   string // what is left out, and why; for an obsoleted one, by which
}

// Deviation is a place where the server does otherwise than a text asks, or
// chooses where texts and practice pull apart.
type Deviation struct {
	Cite    string // "RFC 6665 §4.2.2"
	Asks    string
	Does    string
	Because string
}

// find returns the standard of that number.
func find(number int) (Standard, bool) {
	for _, s := range index {
		if s.Number == number {
			return s, true
		}
	}
	return Standard{}, false
}

// sections says which sections each RFC has: number → section → there.
var sections = sync.OnceValue(func() map[int]map[string]bool {
	b, err := files.ReadFile("sections.txt")
	if err != nil {
		panic(err) // embedded
	}
	all := make(map[int]map[string]bool)
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		number, err := strconv.Atoi(fields[0])
		if err != nil {
			panic(fmt.Sprintf("sections.txt: %q", line))
		}
		all[number] = make(map[string]bool, len(fields)-1)
		for _, s := range fields[1:] {
			all[number][s] = true
		}
	}
	return all
})

// checkSection says what is wrong with a citation of a section, "" if nothing.
func checkSection(number int, section string) string {
	known, ok := sections()[number]
	switch {
	case !ok:
		return fmt.Sprintf("the sections of RFC %d are not in standards/sections.txt", number)
	case !known[section]:
		return fmt.Sprintf("RFC %d has no section %s", number, section)
	}
	return ""
}
