package app_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what the scripts print into them, for a reviewer to read")

// TestScripts runs testdata/script/*.txt. A script is blocks with an empty line
// between them: comments, commands, ---- and what the server then said to whom.
// world_test.go has the commands. Each script must say the same whether one
// owner or several share its users out.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runScript(t, file) })
	}
}

func runScript(t *testing.T, file string) {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	blocks := parseScript(t, string(b))
	for _, owners := range []int{1, 5} {
		w := newWorld(t, owners)
		for i := range blocks {
			got := w.run(blocks[i].commands)
			if *rewrite {
				blocks[i].want = got
			}
			if want := blocks[i].want; got != want {
				t.Errorf("%d owners, line %d, %s\n--- got\n%s--- want\n%s", owners, blocks[i].line, strings.Join(blocks[i].commands, "\n"), got, want)
			}
		}
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(printScript(blocks)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// block is one step of a script. One without commands is a comment.
type block struct {
	line     int
	comments []string
	commands []string
	want     string
}

func parseScript(t *testing.T, text string) (blocks []block) {
	var b block
	said := false
	for i, line := range strings.Split(text+"\n", "\n") {
		switch {
		case line == "":
			if b.comments != nil || b.commands != nil {
				if b.commands != nil && !said && !*rewrite {
					t.Fatalf("line %d: a block without ----", i+1)
				}
				blocks = append(blocks, b)
			}
			b, said = block{}, false
		case said:
			b.want += line + "\n"
		case line == "----":
			said = true
		case line[0] == '#':
			b.comments = append(b.comments, line)
		default:
			if b.commands == nil {
				b.line = i + 1
			}
			b.commands = append(b.commands, line)
		}
	}
	return blocks
}

func printScript(blocks []block) string {
	var out strings.Builder
	for i, b := range blocks {
		if i > 0 {
			out.WriteByte('\n')
		}
		for _, line := range append(b.comments, b.commands...) {
			fmt.Fprintln(&out, line)
		}
		if b.commands != nil {
			fmt.Fprintf(&out, "----\n%s", b.want)
		}
	}
	return out.String()
}
