package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"lamplight/control"
)

type calendarCmd struct {
	User   string `arg:"" help:"Whose: user[@domain]."`
	Do     string `arg:"" optional:"" enum:"set,clear,show" default:"show" help:"set, clear or show."`
	URL    string `arg:"" optional:"" help:"Where it is: https://calendar.example.com/alice.ics."`
	Titles bool   `help:"Others may see what meetings are called."`
	JSON   bool   `help:"Print JSON."`
	place
}

var errCalendar = errors.New("an address and --titles go with set")

// Run says where a user's calendar is, or shows what is known of it.
func (c *calendarCmd) Run() error {
	if (c.Do == "set") != (c.URL != "") || c.Titles && c.Do != "set" {
		return usage(errCalendar)
	}
	server, err := c.server()
	if err != nil {
		return err
	}
	defer server.Close()
	var got control.Calendar
	if c.Do == "show" {
		got, err = server.Calendar(context.Background(), c.User)
	} else {
		got, err = server.SetCalendar(context.Background(), control.CalendarOrder{User: c.User, URL: c.URL, Titles: c.Titles})
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(got)
	}
	for _, line := range calendarLines(&got) {
		fmt.Println(strings.Map(printable, line))
	}
	return nil
}

// calendarLines are what is known of a calendar, for people.
func calendarLines(c *control.Calendar) []string {
	if c.URL == "" {
		return []string{c.AoR + " has no calendar"}
	}
	lines := []string{c.AoR + " has the calendar " + c.URL}
	if c.Titles {
		lines = append(lines, "others may see what meetings are called")
	}
	switch {
	case c.Error != "":
		lines = append(lines, "it cannot be read: "+c.Error+at("; last read ", c.Read))
	case c.Read.IsZero():
		lines = append(lines, "it is being read")
	default:
		lines = append(lines, "read"+at(" ", c.Read))
	}
	for _, b := range c.Busy {
		what := "meeting"
		if b.OutOfOffice {
			what = "out of office"
		}
		if b.Title != "" {
			what += " (" + b.Title + ")"
		}
		lines = append(lines, what+at(" from ", b.From)+at(" until ", b.Until))
	}
	return lines
}
