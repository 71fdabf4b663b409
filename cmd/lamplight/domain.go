package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"lamplight/control"
)

type domainCmd struct {
	List domainListCmd `cmd:"" help:"List the domains and their settings."`
	Set  domainSetCmd  `cmd:"" help:"Change settings of a domain; what is not named stays."`
}

func (r remote) Domains() ([]control.Domain, error) { return r.client.Domains(context.Background()) }

func (r remote) SetDomain(d control.Domain) error { return r.client.SetDomain(context.Background(), d) }

type domainListCmd struct {
	JSON bool `help:"Print JSON, an object a line."`
	place
}

func (c *domainListCmd) Run() error {
	return c.existing(func(p control.People) error {
		list, err := p.Domains()
		if err != nil {
			return err
		}
		for _, d := range list {
			if c.JSON {
				err = json.NewEncoder(os.Stdout).Encode(d)
			} else {
				_, err = fmt.Println(domainLine(d))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// domainLine says a domain's settings in words.
func domainLine(d control.Domain) string {
	line := d.Name + "\trealm " + d.Realm
	if d.Rules != "" {
		line += "\trules of its own"
	}
	for _, part := range []struct{ name, value string }{
		{"also called", strings.Join(d.Aliases, ", ")}, {"watched by", strings.Join(d.Watchers, ", ")},
		{"country", d.Country}, {"area", d.Area}, {"prefix", d.Prefix}, {"zone", d.Zone}, {"do-not-disturb refuses", d.DND},
		{"by default", strings.TrimSpace(d.Default + " " + d.Note)},
	} {
		if part.value != "" {
			line += "\t" + part.name + " " + part.value
		}
	}
	return line
}

type domainSetCmd struct {
	Name     string    `arg:"" help:"The domain."`
	Watchers *[]string `placeholder:"DOMAIN" help:"Other domains whose users may watch; \"\" for none."`
	Aliases  *[]string `placeholder:"NAME" help:"Other names that it answers to; \"\" for none."`
	Country  *string   `placeholder:"CODE" help:"Country code of national numbers: 49."`
	Area     *string   `placeholder:"CODE" help:"Area code of local numbers: 89."`
	Prefix   *string   `placeholder:"DIGITS" help:"What national numbers begin with: 0."`
	Zone     *string   `placeholder:"ZONE" help:"Time zone of its people: Asia/Seoul; empty for the server's."`
	DND      *string   `name:"dnd-refuses" placeholder:"480|486|off" help:"How calls are refused to whoever does not want to be disturbed; off: they ring."`
	Default  *string   `placeholder:"STATE" help:"State of who is registered, and of whom nothing else is said: busy, meeting, away, out-of-office; empty for available."`
	Note     *string   `placeholder:"TEXT" help:"The note that goes with it."`
	Rules    *string   `placeholder:"FILE" help:"Who sees what of its users by default: a document of RFC 4745; \"\" for what is built in."`
	place
}

func (c *domainSetCmd) Run() error {
	if c.Rules != nil && *c.Rules != "" {
		text, err := os.ReadFile(*c.Rules)
		if err != nil {
			return err
		}
		*c.Rules = string(text)
	}
	return c.with(func(p control.People) error {
		d, err := c.now(p)
		if err != nil {
			return err
		}
		set(&d.Watchers, names(c.Watchers))
		set(&d.Aliases, names(c.Aliases))
		set(&d.Country, c.Country)
		set(&d.Area, c.Area)
		set(&d.Prefix, c.Prefix)
		set(&d.Zone, c.Zone)
		set(&d.DND, c.DND)
		set(&d.Default, c.Default)
		set(&d.Note, c.Note)
		set(&d.Rules, c.Rules)
		return p.SetDomain(d)
	})
}

// now is the domain as it is; one that is not known yet is new.
func (c *domainSetCmd) now(p control.People) (control.Domain, error) {
	list, err := p.Domains()
	for _, d := range list {
		if strings.EqualFold(d.Name, c.Name) {
			return d, err
		}
	}
	return control.Domain{Name: c.Name}, err
}

func set[T any](to, value *T) {
	if value != nil {
		*to = *value
	}
}

// names drops the empty one, by which a list is emptied.
func names(list *[]string) *[]string {
	if list == nil {
		return nil
	}
	var kept []string
	for _, n := range *list {
		if n != "" {
			kept = append(kept, n)
		}
	}
	return &kept
}
