package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"lamplight/control"
	"lamplight/directory/addressbook"
)

type peopleCmd struct {
	Import peopleImportCmd `cmd:"" help:"Read people of a CSV or vCard file, all or none."`
	List   peopleListCmd   `cmd:"" help:"List the people of the address book."`
	Remove peopleRemoveCmd `cmd:"" help:"Take somebody out of the address book."`
	Export peopleExportCmd `cmd:"" help:"Print the address book as CSV."`
}

func (r remote) Import(file []byte, dry bool) (control.Imported, error) {
	return r.client.Import(context.Background(), file, dry)
}

func (r remote) Contacts() ([]control.Contact, error) {
	return r.client.Contacts(context.Background())
}

func (r remote) RemoveContact(id int64) error {
	return r.client.RemoveContact(context.Background(), id)
}

type peopleImportCmd struct {
	File   string `arg:"" help:"CSV with a line of headings, in UTF-8 or CP949, or vCard; - is standard input."`
	DryRun bool   `help:"Only show what would be read."`
	JSON   bool   `help:"Print JSON."`
	place
}

func (c *peopleImportCmd) Run() error {
	file, err := c.read()
	if err != nil {
		return err
	}
	return c.with(func(u control.People) error {
		got, err := u.Import(file, c.DryRun)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", c.File, err)
		case c.JSON:
			return json.NewEncoder(os.Stdout).Encode(got)
		case c.DryRun:
			for _, one := range got.People {
				fmt.Println(contactLine(one))
			}
			fmt.Println(len(got.People), "people would be read")
		default:
			fmt.Printf("%d people, %d of them new\n", len(got.People), got.Added)
		}
		return nil
	})
}

func (c *peopleImportCmd) read() ([]byte, error) {
	in := os.Stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, addressbook.MaxBytes+1))
}

// contactLine is somebody in a line with tabs.
func contactLine(c control.Contact) string {
	fields := []string{c.Name, strings.Join(c.Numbers, ", "), c.Department, c.Title, c.Mail, c.User}
	if c.ID != 0 {
		fields = append([]string{fmt.Sprint(c.ID)}, fields...)
	}
	return strings.Map(printable, strings.TrimRight(strings.Join(fields, "\t"), "\t"))
}

type peopleListCmd struct {
	JSON bool `help:"Print JSON, an object a line."`
	place
}

func (c *peopleListCmd) Run() error {
	return c.existing(func(u control.People) error {
		list, err := u.Contacts()
		out := json.NewEncoder(os.Stdout)
		for _, one := range list {
			if c.JSON {
				err = out.Encode(one)
			} else {
				_, err = fmt.Println(contactLine(one))
			}
			if err != nil {
				return err
			}
		}
		return err
	})
}

type peopleRemoveCmd struct {
	ID int64 `arg:"" help:"The number that list shows."`
	place
}

func (c *peopleRemoveCmd) Run() error {
	return c.existing(func(u control.People) error { return u.RemoveContact(c.ID) })
}

type peopleExportCmd struct{ place }

func (c *peopleExportCmd) Run() error {
	return c.existing(func(u control.People) error {
		list, err := u.Contacts()
		if err != nil {
			return err
		}
		people := make([]addressbook.Contact, len(list))
		for i, one := range list {
			people[i] = addressbook.Contact{Name: one.Name, Numbers: one.Numbers, User: one.User, Department: one.Department, Title: one.Title, Mail: one.Mail, Photo: one.Photo}
		}
		return addressbook.WriteCSV(os.Stdout, people)
	})
}
