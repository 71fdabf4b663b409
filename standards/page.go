package standards

import (
	"fmt"
	"io/fs"
	"strings"
)

// PageName is where the page of standards is kept, relative to the module.
const PageName = "docs/standards.md"

// Page writes the page of standards from the index, the requirements and the
// tests in root.
func Page(root fs.FS) ([]byte, error) {
	list, _, err := Requirements(root)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(`<!-- Written by make generate from standards/; not to be edited. -->

# Standards

What is supported, what is left out and why, and where the server deviates on purpose. The texts themselves are at the RFC Editor's.

| RFC | title | | left out, or how far |
|---|---|---|---|
`)
	for _, s := range index {
		fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", s.Number, s.Title, s.State, s.Note)
	}
	b.WriteString("\n## Deliberate deviations\n\n| text | asks | the server | because |\n|---|---|---|---|\n")
	for _, d := range deviations {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", d.Cite, d.Asks, d.Does, d.Because)
	}
	for _, number := range required {
		s, _ := find(number)
		writeRequirements(&b, s, of(list, number))
	}
	return []byte(b.String()), nil
}

func of(list []Requirement, number int) (some []Requirement) {
	for _, r := range list {
		if strings.HasPrefix(r.ID, fmt.Sprintf("%d-", number)) {
			some = append(some, r)
		}
	}
	return some
}

func writeRequirements(b *strings.Builder, s Standard, list []Requirement) {
	count := make(map[string]int)
	for _, r := range list {
		kind, _, _ := strings.Cut(r.State, ":")
		count[kind]++
	}
	fmt.Fprintf(b, "\n## RFC %d, requirement by requirement\n\n", s.Number)
	fmt.Fprintf(b, "%s. %d requirements concern the server: %d done, each with its test; %d to be shown by a test; %d later; %d declined.\n\n",
		s.Title, len(list), count["done"], count["todo"], count["later"], count["declined"])
	b.WriteString("| id | level | in our words | shown by |\n|---|---|---|---|\n")
	for _, r := range list {
		shown := r.State
		if r.State == "done" {
			shown = "`" + strings.Join(r.Tests, "`, `") + "`"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", r.ID, r.Level, r.Text, shown)
	}
}
