package main

import (
	"fmt"

	"github.com/alecthomas/kong"

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
	return nil
}
