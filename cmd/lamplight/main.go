// Command lamplight is the presence server and the tools round it: it reads
// what it was told and leaves the work to the packages.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"lamplight/config"
)

// commands is the command line; each command is a file of its name.
type commands struct {
	Serve   serveCmd   `cmd:"" help:"Serve SIP presence."`
	Demo    demoCmd    `cmd:"" help:"Serve a simulated office, and show it live."`
	Publish publishCmd `cmd:"" help:"Publish a user's state once."`
	Watch   watchCmd   `cmd:"" help:"Show the lamps of users, live."`

	User     userCmd     `cmd:"" help:"Add, list and remove users, and set passwords and roles."`
	Token    tokenCmd    `cmd:"" help:"Make, list and end tokens, by which programs sign in to the web as a user."`
	People   peopleCmd   `cmd:"" help:"Read people of other address books, to be found beside the users."`
	Domain   domainCmd   `cmd:"" help:"List domains, and set who may watch and how numbers are dialled."`
	Trace    traceCmd    `cmd:"" help:"Show what was said last of a user."`
	History  historyCmd  `cmd:"" help:"List the calls of a user that are over."`
	DND      dndCmd      `cmd:"" name:"dnd" help:"Say that a user does not want to be disturbed, or does."`
	Status   statusCmd   `cmd:"" help:"Say what a user has chosen to be, and show it."`
	Forward  forwardCmd  `cmd:"" help:"Say where the calls of a user go, and show it."`
	Explain  explainCmd  `cmd:"" help:"Say why the lamp of a user is as it is, and who sees what."`
	Calendar calendarCmd `cmd:"" help:"Say where the calendar of a user is, and show what is known of it."`
	Watchers watchersCmd `cmd:"" help:"List who watches a user, and who waits for an answer."`
	Allow    allowCmd    `cmd:"" help:"Let somebody watch a user."`
	Block    blockCmd    `cmd:"" help:"Let somebody watch a user no longer."`
	View     viewCmd     `cmd:"" help:"Show what somebody sees of a user."`
	Group    groupCmd    `cmd:"" help:"Make groups of people, for rules and for picking up calls."`
	LogLevel logLevelCmd `cmd:"" help:"Have a running server log more or less."`
	Check    checkCmd    `cmd:"" help:"Explain the settings in words."`
	Load     loadCmd     `cmd:"" help:"Have many simulated phones at a server, and measure it."`
	Call     callCmd     `cmd:"" help:"Have the phone of a user call somebody."`
}

// The exit statuses that scripts rely on.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	var c commands
	parser, err := kong.New(&c, kong.Name("lamplight"), kong.Description("A SIP presence server: knows who is free, and tells."),
		kong.DefaultEnvars("LAMPLIGHT"), kong.Configuration(config.File), config.Vars, config.Groups)
	if err != nil {
		panic(err) // the struct above is wrong
	}
	ctx, err := parser.Parse(args)
	if err == nil {
		err = ctx.Run()
	}
	return status(err)
}

// status words an error and tells how to exit with it.
func status(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "lamplight:", err)
	var usage *kong.ParseError
	var notBuilt *config.NotBuiltError
	var called *usageError
	if errors.As(err, &usage) || errors.As(err, &notBuilt) || errors.As(err, &called) {
		return exitUsage
	}
	return exitFailed
}

// usageError says that a command was called wrongly.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }
