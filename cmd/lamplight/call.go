package main

import "lamplight/config"

type callCmd struct {
	User string `arg:"" help:"Whose phone rings first."`
	To   string `arg:"" help:"Whom it calls then."`
}

func (c *callCmd) Run() error { return &config.NotBuiltError{What: "call"} }
