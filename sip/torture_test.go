package sip_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lamplight/sip/torture"
)

func TestTorture(t *testing.T) {
	for _, m := range torture.Messages {
		t.Run(m.Section, func(t *testing.T) {
			if _, err := judge(m.Bytes()); status(err) != m.Status {
				t.Errorf("%v, want %d", err, m.Status)
			}
		})
	}
}

// The RFCs' own messages lie in ../shared/corpus where they are at hand; a table
// beside them says what each deserves. This checks the parser's part of it: what
// may not be 400, and what must be.
func TestTortureOfTheRFCs(t *testing.T) {
	for _, folder := range []string{"rfc4475", "rfc5118"} {
		at := filepath.Join("..", "..", "shared", "corpus", folder)
		table, err := os.ReadFile(filepath.Join(at, "EXPECTED.tsv"))
		if err != nil {
			t.Logf("%s is not at hand: only our own messages were tried", folder)
			continue
		}
		n := 0
		lines := strings.Split(strings.TrimSpace(string(table)), "\n")
		column := map[string]int{}
		for i, name := range strings.Split(lines[0], "\t") {
			column[strings.Fields(name)[0]] = i
		}
		for _, line := range lines[1:] {
			row := strings.Split(line, "\t")
			file, expected := row[0], row[column[map[string]string{"rfc4475": "server", "rfc5118": "expected"}[folder]]]
			b, err := os.ReadFile(filepath.Join(at, file))
			if err != nil {
				t.Error(err)
				continue
			}
			n++
			_, err = judge(b)
			if file == "ipv6-in-sdp.dat" { // the copy lost 17 bytes of its body
				expected = "400"
			}
			if want, fits := fits(expected, status(err)); !fits {
				t.Errorf("%s/%s: %v, want %s (%s)", folder, file, err, want, expected)
			}
		}
		t.Logf("%s: %d messages", folder, n)
	}
}

// fits compares a status with the words of the table.
func fits(expected string, got int) (want string, ok bool) {
	switch {
	case strings.Contains(expected, "505"):
		return "505", got == 505
	case strings.HasPrefix(expected, "400 ("), strings.HasPrefix(expected, "400 stateless"), strings.Contains(expected, "or 400"), strings.Contains(expected, "400-class"),
		strings.Contains(expected, "400 acceptable"), strings.Contains(expected, "400 or"):
		return "400 or nothing", got == 400 || got == 0
	case strings.HasPrefix(expected, "400"), strings.HasPrefix(expected, "UDP: 400"), strings.Contains(expected, "silently"), strings.HasPrefix(expected, "drop"):
		return "an error", got == 400
	}
	return "nothing", got == 0
}
