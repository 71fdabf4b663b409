package main

import "os"

// lights are the lamp's colours; a shape goes with each, for who sees no colour.
var lights = map[string]string{
	"available":     "\x1b[32m●\x1b[0m",
	"ringing":       "\x1b[33m◉\x1b[0m",
	"on-the-phone":  "\x1b[31m■\x1b[0m",
	"on-hold":       "\x1b[31m□\x1b[0m",
	"busy":          "\x1b[31m●\x1b[0m",
	"meeting":       "\x1b[31m▲\x1b[0m",
	"dnd":           "\x1b[35m⊘\x1b[0m",
	"away":          "\x1b[33m◐\x1b[0m",
	"out-of-office": "\x1b[34m◌\x1b[0m",
	"offline":       "\x1b[90m○\x1b[0m",
	"unknown":       "\x1b[90m?\x1b[0m",
}

// colours tells whether standard output is a terminal that wants them.
var colours = isTerminal(os.Stdout) && os.Getenv("NO_COLOR") == ""

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func light(state string) string {
	l, ok := lights[state]
	if !ok {
		l = lights["unknown"]
	}
	if colours {
		return l
	}
	return plain(l)
}

// plain is a light's shape without its colour.
func plain(l string) string {
	var out []rune
	escape := false
	for _, r := range l {
		switch {
		case r == '\x1b':
			escape = true
		case escape:
			escape = r != 'm'
		default:
			out = append(out, r)
		}
	}
	return string(out)
}
