package pages

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"lamplight/event"
)

// choices are the settings of a browser, each with what may be chosen beside "".
// They are kept in a cookie: they are of this screen, not of the person.
var choices = map[string][]string{
	"language": languages, "theme": {"light", "dark"}, "click": {"tel", "sip", "copy"}, "keys": {"off"},
}

const settingsCookie = "lamplight-settings"

func setting(r *http.Request, name string) string {
	c, err := r.Cookie(settingsCookie)
	if err != nil {
		return ""
	}
	all, err := url.ParseQuery(c.Value)
	if v := all.Get(name); err == nil && slices.Contains(choices[name], v) {
		return v
	}
	return ""
}

func (p *Pages) settings(w http.ResponseWriter, r *http.Request, _ event.AoR) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	kept := url.Values{}
	for name := range choices {
		v := r.PostFormValue(name)
		if name == "keys" && v == "" {
			v = "off"
		}
		if slices.Contains(choices[name], v) {
			kept.Set(name, v)
		}
	}
	http.SetCookie(w, &http.Cookie{Name: settingsCookie, Value: kept.Encode(), Path: "/", MaxAge: int((365 * 24 * time.Hour).Seconds()),
		SameSite: http.SameSiteLaxMode, HttpOnly: true, Secure: r.TLS != nil})
	http.Redirect(w, r, "/me", http.StatusSeeOther)
}
