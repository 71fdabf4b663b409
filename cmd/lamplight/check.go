package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"

	"lamplight/app"
	"lamplight/config"
)

type checkCmd struct {
	Config kong.ConfigFlag `placeholder:"FILE" help:"Settings file (TOML)."`
	config.Serve
}

// Run says what a server with these settings would do.
func (c *checkCmd) Run() error {
	if err := c.Check(); err != nil {
		return usage(err)
	}
	for _, line := range c.Explain() {
		fmt.Println(line)
	}
	for _, p := range app.AllProfiles(c.Serve) {
		fmt.Printf("Shows phones whose User-Agent has %q: %s.\n", p.Agent, strings.Join(p.Says(), "; "))
	}
	return nil
}
