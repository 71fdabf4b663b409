package main

import "context"

type logLevelCmd struct {
	place
	Level string `arg:"" enum:"debug,info,warn,error" help:"debug, info, warn or error."`
}

// Run changes what the server logs until it ends.
func (c *logLevelCmd) Run() error {
	server, err := c.server()
	if err != nil {
		return err
	}
	defer server.Close()
	return server.SetLogLevel(context.Background(), c.Level)
}
