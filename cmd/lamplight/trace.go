package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"lamplight/control"
	"lamplight/sip/trace"
)

type traceCmd struct {
	User   string `arg:"" help:"Whose messages: user[@domain]."`
	Full   bool   `help:"Print the whole messages; credentials are masked."`
	Follow bool   `help:"Go on with what is said from now on, until Ctrl-C."`
	Pcapng string `type:"path" placeholder:"FILE" help:"Write a capture file for Wireshark or sngrep instead."`
	JSON   bool   `help:"Print JSON."`
	place
}

// Run shows what the server remembers: some thousand messages, of all users.
func (c *traceCmd) Run() error {
	server, err := c.server()
	if err != nil {
		return err
	}
	defer server.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	list, err := server.Trace(ctx, c.User, 0)
	switch {
	case err != nil:
		return err
	case c.Pcapng != "":
		return c.capture(list)
	}
	if err := c.print(os.Stdout, list); err != nil || !c.Follow {
		return err
	}
	return c.follow(ctx, server, list)
}

func (c *traceCmd) capture(list []trace.Message) error {
	var b bytes.Buffer
	if err := trace.Pcapng(&b, list); err != nil {
		return err
	}
	return os.WriteFile(c.Pcapng, b.Bytes(), 0o600)
}

// follow asks again and again for what is new.
func (c *traceCmd) follow(ctx context.Context, server *control.Client, list []trace.Message) (err error) {
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for last := uint64(0); ; {
		if len(list) > 0 {
			last = list[len(list)-1].N
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if list, err = server.Trace(ctx, c.User, last); err != nil && ctx.Err() == nil {
			return err
		}
		if err := c.print(os.Stdout, list); err != nil {
			return err
		}
	}
}

func (c *traceCmd) print(w io.Writer, list []trace.Message) error {
	for _, m := range list {
		if c.JSON {
			if err := json.NewEncoder(w).Encode(m); err != nil {
				return err
			}
			continue
		}
		if _, err := io.WriteString(w, c.rung(m)); err != nil {
			return err
		}
	}
	return nil
}

// rung is one step of the ladder. What peers wrote must not move the terminal's
// cursor.
func (c *traceCmd) rung(m trace.Message) string {
	text := strings.Map(printable, string(m.Bytes))
	first, _, _ := strings.Cut(text, "\n")
	line := fmt.Sprintf("%s  %21s → %-21s  %-3s  %s\n", m.At.Local().Format("15:04:05.000"), m.From, m.To, strings.ToLower(m.Transport), first)
	if c.Full {
		line += "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ") + "\n\n"
	}
	return line
}

func printable(r rune) rune {
	switch {
	case r == '\r':
		return -1
	case r < ' ' && r != '\n' && r != '\t', 0x7f <= r && r < 0xa0:
		return '?'
	}
	return r
}
