package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"lamplight/control"
)

type historyCmd struct {
	User   string `arg:"" help:"Whose calls: user[@domain]."`
	Party  string `placeholder:"USER|NUMBER" help:"Only calls with this one."`
	Result string `enum:"answered,missed,busy,failed,cancelled,elsewhere," default:"" help:"Only calls that ended so: answered, missed, busy, failed, cancelled or elsewhere."`
	Limit  int    `default:"50" help:"How many calls at most, 500 at once."`
	Before string `placeholder:"CURSOR" help:"Only calls before the one with this cursor, for the next page."`
	JSON   bool   `help:"Print JSON, an object per call."`
	place
}

// Run shows a user's calls, the newest first.
func (c *historyCmd) Run() error {
	server, err := c.server()
	if err != nil {
		return err
	}
	defer server.Close()
	list, err := server.History(context.Background(), control.HistoryQuery{User: c.User, Party: c.Party, Result: c.Result, Limit: c.Limit, Before: c.Before})
	if err != nil {
		return err
	}
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		for _, call := range list {
			if err := out.Encode(call); err != nil {
				return err
			}
		}
		return nil
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, call := range list {
		fmt.Fprintln(out, line(&call))
	}
	return out.Flush()
}

// line is a call as a person reads it.
func line(c *control.Call) string {
	how := c.Result
	if c.PickedUpBy != "" {
		how += " by " + c.PickedUpBy
	}
	if c.Reason != "" {
		how += " (" + c.Reason + ")"
	}
	if c.Duration > 0 {
		how += " " + time.Duration(c.Duration*float64(time.Second)).Round(time.Second).String()
	}
	who := strings.TrimSpace(c.Name + " <" + c.Party + ">")
	for _, field := range []*string{&who, &how} {
		*field = strings.Join(strings.Fields(strings.Map(printable, *field)), " ")
	}
	return strings.Join([]string{c.Time.Local().Format("2006-01-02 15:04:05"), c.Direction, who, how, c.State}, "\t")
}
