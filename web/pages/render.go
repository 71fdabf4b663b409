package pages

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lamplight/event"
)

//go:embed templates/*.html
var templateFiles embed.FS

// templates by language and page: a page's words are chosen when it is parsed.
var templates = parse()

var pageNames = []string{"login", "directory", "history", "panel", "me", "error",
	"admin-people", "admin-import", "admin-domains", "admin-live", "admin-why", "admin-messages", "admin-audit"}

func parse() map[string]map[string]*template.Template {
	all := map[string]map[string]*template.Template{}
	for _, lang := range languages {
		all[lang] = map[string]*template.Template{}
		for _, page := range pageNames {
			all[lang][page] = template.Must(template.New(page).Funcs(functions(lang)).ParseFS(templateFiles, "templates/layout.html", "templates/"+page+".html"))
		}
	}
	return all
}

func functions(lang string) template.FuncMap {
	return template.FuncMap{
		"t":      func(key string, about ...any) string { return say(lang, key, about...) },
		"bare":   bare,
		"static": staticPath,
		"iso":    func(at time.Time) string { return at.Format(time.RFC3339) },
		"when":   func(at time.Time) string { return when(lang, at, time.Now()) },
		"length": length,
	}
}

// bare is an AoR as people write it.
func bare(aor event.AoR) string { return strings.TrimPrefix(string(aor), "sip:") }

// when is a time as people of a language write it, in its own zone; of today the
// hour alone.
func when(lang string, at, now time.Time) string {
	now = now.In(at.Location())
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04")
	}
	if lang == "ko" {
		return at.Format("2006년 1월 2일 15:04")
	}
	return at.Format("2 Jan 2006 15:04")
}

// length is how long a call took.
func length(d time.Duration) string {
	d = d.Round(time.Second)
	if d < time.Hour {
		return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}

// frame is what every page has; its own data stand beside it.
type frame struct {
	Lang, Page, Theme string
	User              event.AoR
	Menu              []entry
	Words             template.JS
}

type entry struct{ Page, Path string }

var menu = []entry{{"directory", "/"}, {"history", "/history"}, {"panel", "/panel"}, {"me", "/me"}}

func newFrame(r *http.Request, page string, as event.AoR) frame {
	lang := language(r)
	return frame{Lang: lang, Page: page, Theme: setting(r, "theme"), User: as, Menu: menu, Words: scriptWords(r, lang)}
}

// spoken are the words that the script says.
var spoken = []string{"state.", "progress.", "ask.", "copied", "saved", "failed", "with"}

// scriptWords is JSON for the script: its words, and the settings of the browser.
func scriptWords(r *http.Request, lang string) template.JS {
	list := map[string]string{"settings": url.Values{"click": {setting(r, "click")}, "keys": {setting(r, "keys")}}.Encode()}
	for key, word := range words[lang] {
		for _, s := range spoken {
			if strings.HasPrefix(key, s) {
				list[key] = word
			}
		}
	}
	text, err := json.Marshal(list) // escapes <, > and &
	if err != nil {
		return "{}"
	}
	return template.JS(text)
}

// render writes a page. A page holds somebody's state: nobody keeps it.
func render(w http.ResponseWriter, r *http.Request, status int, f frame, data any) {
	var b bytes.Buffer
	if err := templates[f.Lang][f.Page].ExecuteTemplate(&b, "layout", data); err != nil {
		http.Error(w, "the page cannot be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "private, no-store")
	w.Header().Add("Vary", "Accept-Language, Cookie")
	var tight []byte
	if b.Len() > 1<<10 {
		tight = tighten(b.Bytes())
	}
	w.Header().Set("Content-Language", f.Lang)
	if tight != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
	} else {
		tight = b.Bytes()
	}
	w.WriteHeader(status)
	_, _ = w.Write(tight)
}
