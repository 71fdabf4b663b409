package phonebook

import (
	"encoding/xml"
	"strconv"
)

type yealinkEntry struct {
	Name      string
	Telephone []string
}

func yealink(b *book) any {
	var list struct {
		XMLName xml.Name       `xml:"YealinkIPPhoneDirectory"`
		Entries []yealinkEntry `xml:"DirectoryEntry"`
	}
	for _, p := range b.people {
		list.Entries = append(list.Entries, yealinkEntry{p.Name, p.Numbers})
	}
	return list
}

type grandstreamPhone struct {
	Number  string `xml:"phonenumber"`
	Account int    `xml:"accountindex"`
	Type    string `xml:"type,attr"`
}

type grandstreamContact struct {
	First      string             `xml:"FirstName"`
	Last       string             `xml:"LastName"`
	Department string             `xml:",omitempty"`
	Phones     []grandstreamPhone `xml:"Phone"`
}

func grandstream(b *book) any {
	var list struct {
		XMLName  xml.Name             `xml:"AddressBook"`
		Contacts []grandstreamContact `xml:"Contact"`
	}
	types := []string{"Work", "Cell", "Home"}
	for _, p := range b.people {
		c := grandstreamContact{Department: p.Department}
		c.First, c.Last = names(p.Name)
		for i, n := range p.Numbers[:min(len(p.Numbers), len(types))] {
			c.Phones = append(c.Phones, grandstreamPhone{n, 0, types[i]})
		}
		list.Contacts = append(list.Contacts, c)
	}
	return list
}

type snomItem struct {
	Context string `xml:"context,attr"`
	Index   int    `xml:"index,attr"`
	First   string `xml:"first_name"`
	Last    string `xml:"last_name,omitempty"`
	Name    string `xml:"name"`
	Number  string `xml:"number"`
}

func snom(b *book) any {
	list := struct {
		XMLName  xml.Name   `xml:"tbook"`
		Edition  int        `xml:"e,attr"`
		Version  string     `xml:"version,attr"`
		Complete bool       `xml:"complete,attr"`
		Items    []snomItem `xml:"item"`
	}{Edition: 2, Version: "2.0", Complete: true}
	for _, p := range b.people {
		first, last := names(p.Name)
		for _, n := range p.Numbers {
			list.Items = append(list.Items, snomItem{"active", len(list.Items), first, last, p.Name, n})
		}
	}
	return list
}

type menuEntry struct {
	Name      string
	Telephone string
}

// menu is a list of one number each.
func menu(people []Person) (list []menuEntry) {
	for _, p := range people {
		for _, n := range p.Numbers {
			list = append(list, menuEntry{p.Name, n})
		}
	}
	return list
}

func snomMenu(b *book) any {
	return struct {
		XMLName xml.Name `xml:"SnomIPPhoneDirectory"`
		Title   string
		Entries []menuEntry `xml:"DirectoryEntry"`
	}{Title: "Directory", Entries: menu(b.people)}
}

type ciscoKey struct {
	Name     string
	URL      string
	Position int
}

// cisco gives pages of 32, which is all that the phones take at once.
func cisco(b *book) any {
	list := struct {
		XMLName xml.Name `xml:"CiscoIPPhoneDirectory"`
		Title   string
		Prompt  string
		Entries []menuEntry `xml:"DirectoryEntry"`
		Keys    []ciscoKey  `xml:"SoftKeyItem"`
	}{Title: "Directory"}
	all := menu(b.people)
	from := min(max(b.page, 0), len(all)/ciscoPage) * ciscoPage
	until := min(from+ciscoPage, len(all))
	list.Entries = all[from:until]
	list.Prompt = strconv.Itoa(min(from+1, until)) + "-" + strconv.Itoa(until) + " / " + strconv.Itoa(len(all))
	list.Keys = []ciscoKey{{"Dial", "SoftKey:Dial", 1}, {"Edit", "SoftKey:EditDial", 2}, {"Exit", "SoftKey:Exit", 3}}
	if until < len(all) {
		next, query := b.at, b.at.Query()
		query.Set("page", strconv.Itoa(from/ciscoPage+1))
		next.RawQuery = query.Encode()
		list.Keys = append(list.Keys, ciscoKey{"Next", next.String(), 4})
	}
	return list
}

type polyItem struct {
	First  string `xml:"fn"`
	Last   string `xml:"ln,omitempty"`
	Number string `xml:"ct"`
}

func poly(b *book) any {
	var list struct {
		XMLName xml.Name   `xml:"directory"`
		Items   []polyItem `xml:"item_list>item"`
	}
	for _, one := range menu(b.people) {
		first, last := names(one.Name)
		list.Items = append(list.Items, polyItem{cut(first, polyName), cut(last, polyName), one.Telephone})
	}
	return list
}
