package xpidf

import (
	"encoding/xml"
	"strings"
	"testing"
)

// What is printed is read as it was meant, whatever is in it.
func TestAppend(t *testing.T) {
	for _, p := range []Presence{
		{Entity: "sip:1002@example.test", Status: InUse, Substatus: "onthephone", Note: "On the phone"},
		{Entity: `sip:"<&'>@example.test`, Status: Closed, Substatus: "offline"},
	} {
		var got struct {
			XMLName    xml.Name `xml:"presence"`
			Note       string   `xml:"status>note"`
			Presentity struct {
				URI string `xml:"uri,attr"`
			} `xml:"presentity"`
			Address struct {
				URI    string `xml:"uri,attr"`
				Status struct {
					Status string `xml:"status,attr"`
				} `xml:"status"`
				Sub struct {
					Substatus string `xml:"substatus,attr"`
				} `xml:"msnsubstatus"`
			} `xml:"atom>address"`
		}
		text := p.Append(nil)
		if err := xml.Unmarshal(text, &got); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if got.Presentity.URI != p.Entity+";method=SUBSCRIBE" || got.Address.URI != p.Entity+";user=ip" ||
			got.Address.Status.Status != p.Status || got.Address.Sub.Substatus != p.Substatus || got.Note != p.Note {
			t.Errorf("%+v from\n%s", got, text)
		}
		if strings.Contains(string(text), "<note>") != (p.Note != "") {
			t.Errorf("a note where there is none:\n%s", text)
		}
	}
}
