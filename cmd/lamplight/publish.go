package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"lamplight/body/messagesummary"
	"lamplight/body/pidf"
	"lamplight/event/presence"
	"lamplight/sip/ua"
)

type publishCmd struct {
	User     string  `arg:"" help:"Whose state: user[@domain]."`
	State    string  `placeholder:"STATE" help:"available, ringing, on-the-phone, on-hold, busy, meeting, away, dnd, out-of-office, offline or unknown."`
	Messages string  `placeholder:"NEW/OLD" help:"How many voice messages wait, in the place of a state."`
	Note     string  `help:"A few words beside it."`
	Expires  *uint32 `placeholder:"SECONDS" help:"How long it counts; 0 removes it."`
	IfMatch  string  `placeholder:"TAG" help:"The entity-tag of the publication to refresh, modify or remove."`
	client
}

// deadline is that of one request with its challenge: twice Timer F.
const deadline = 64 * time.Second

// Run publishes once and prints the entity-tag.
func (c *publishCmd) Run() error {
	p, err := c.publication(time.Now())
	if err != nil {
		return usage(err)
	}
	agent, err := c.agent(c.User)
	if err != nil {
		return err
	}
	defer agent.Close()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	r, err := agent.Publish(ctx, p)
	if err != nil {
		return err
	}
	return c.print(p, r)
}

// publication is what the flags ask for (RFC 3903 §4.1): a state begins or
// modifies, a tag alone refreshes or removes.
func (c *publishCmd) publication(now time.Time) (ua.Publication, error) {
	p := ua.Publication{AoR: c.aor(c.User), Event: "presence", Expires: ua.ByServer, IfMatch: c.IfMatch}
	if c.Expires != nil {
		p.Expires = time.Duration(*c.Expires) * time.Second
	}
	if c.Messages != "" {
		return c.summary(p)
	}
	if c.State == "" {
		if c.IfMatch == "" || c.Note != "" {
			return p, fmt.Errorf("--state is needed, unless --if-match alone refreshes or removes")
		}
		return p, nil
	}
	state, ok := presence.ParseState(c.State)
	if !ok {
		return p, fmt.Errorf("--state %s: not known", c.State)
	}
	p.Type = pidf.Type
	p.Body = presence.Publication(p.AoR, "lamplight", state, c.Note, now).Append(nil)
	return p, nil
}

// summary makes it a publication of waiting messages (RFC 3842).
func (c *publishCmd) summary(p ua.Publication) (ua.Publication, error) {
	if c.State != "" || c.Note != "" {
		return p, fmt.Errorf("--messages stands alone: --state and --note are another publication")
	}
	fresh, old, _ := strings.Cut(c.Messages, "/")
	doc, err := messagesummary.Parse([]byte("Messages-Waiting: no\r\nVoice-Message: " + fresh + "/" + cmp.Or(old, "0")))
	if err != nil || len(doc.Classes) != 1 {
		return p, fmt.Errorf("--messages %s: want numbers, new ones and old ones: 2/8", c.Messages)
	}
	doc.Waiting = doc.Classes[0].New > 0
	p.Event, p.Type, p.Body = "message-summary", messagesummary.Type, doc.Append(nil)
	return p, nil
}

func (c *publishCmd) print(p ua.Publication, r ua.Result) error {
	if !c.JSON {
		_, err := fmt.Println(r.ETag)
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(struct {
		AoR     string `json:"aor"`
		ETag    string `json:"etag"`
		Expires int    `json:"expires"`
	}{p.AoR, r.ETag, int(r.Expires / time.Second)})
}
