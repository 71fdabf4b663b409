package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"lamplight/control"
	"lamplight/event"
)

type explainCmd struct {
	User string `arg:"" help:"Whose lamp: user[@domain]."`
	As   string `placeholder:"WATCHER" help:"Show what this user sees, and the document that is sent."`
	JSON bool   `help:"Print JSON."`
	place
}

// Run says why a user's lamp is as it is.
func (c *explainCmd) Run() error {
	server, err := c.server()
	if err != nil {
		return err
	}
	defer server.Close()
	e, err := server.Explain(context.Background(), c.User, c.As)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(e)
	}
	for _, line := range explainLines(&e) {
		fmt.Println(strings.Map(printable, line))
	}
	return nil
}

// explainLines is an explanation for people.
func explainLines(e *control.Explained) []string {
	lines := []string{e.Says, e.Lamp.Says}
	if !e.Next.IsZero() {
		lines = append(lines, "it changes by itself"+at(" at ", e.Next))
	}
	lines = append(lines, "", "what is known:")
	for i := range e.Inputs {
		lines = append(lines, "  "+inputLine(&e.Inputs[i]))
	}
	if len(e.Inputs) == 0 {
		lines = append(lines, "  nothing")
	}
	lines = append(lines, "", "layers, the strongest first:")
	for _, l := range e.Layers {
		mark := "  "
		if l.Won {
			mark = "> "
		}
		says := l.Says
		if says == "" {
			says = "-"
		}
		lines = append(lines, fmt.Sprintf("%s%-16s %s%s (%s)", mark, l.Layer, says, at(" until ", l.Until), l.Why))
	}
	lines = append(lines, "", "who sees what:")
	for i := range e.Watchers {
		lines = append(lines, "  "+shownLine(&e.Watchers[i]))
	}
	return lines
}

func inputLine(in *event.InputReason) string {
	line := fmt.Sprintf("%s of %s", in.Source, in.Event)
	if in.ID != "" {
		line += " (" + in.ID + ")"
	}
	line += ": " + in.Says + at(", made ", in.Made) + at(", from ", in.From) + at(", until ", in.Until)
	if !in.Counts {
		line += "; does not count: " + in.Why
	}
	return line
}

func shownLine(w *control.Shown) string {
	line := strings.TrimSpace(w.Who + " " + w.AoR)
	if w.State == "" {
		return line + ": nothing (" + w.Handling + ")"
	}
	line += ": " + w.State
	if w.Note != "" {
		line += " (" + w.Note + ")"
	}
	if w.Lamp != "" {
		line += ", lamp " + w.Lamp
	}
	line += " (" + strings.TrimSpace(w.Handling+" "+w.Rights) + ")" + at(", changes at ", w.Next)
	if w.Document != "" {
		line += "\n" + w.Document
	}
	return line
}

// at is a time after a word; "" where there is none.
func at(word string, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return word + t.Format("2006-01-02 15:04:05 -0700")
}
