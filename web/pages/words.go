package pages

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

//go:embed words/*.json
var wordFiles embed.FS

// languages that the pages speak, the first where nothing else is asked for.
var languages = []string{"en", "ko"}

// words of each language, by key.
var words = readWords()

func readWords() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, lang := range languages {
		text, err := wordFiles.ReadFile("words/" + lang + ".json")
		if err != nil {
			panic(err) // embedded: it cannot be missing
		}
		list := map[string]string{}
		if err := json.Unmarshal(text, &list); err != nil {
			panic(fmt.Sprintf("words/%s.json: %v", lang, err))
		}
		all[lang] = list
	}
	return all
}

// say finds a word, and puts what it is about in. A key that is none stands for
// itself: better a strange word on a page than no page.
func say(lang, key string, about ...any) string {
	word, ok := words[lang][key]
	if !ok {
		return key
	}
	if len(about) == 0 {
		return word
	}
	return fmt.Sprintf(word, about...)
}

// language is the user's choice, else the best of what the browser asks for.
func language(r *http.Request) string {
	if c := setting(r, "language"); slices.Contains(languages, c) {
		return c
	}
	best, weight := languages[0], 0.0
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, rest, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(rest), "q="); ok {
			q, _ = strconv.ParseFloat(v, 64)
		}
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if q > weight && slices.Contains(languages, primary) {
			best, weight = primary, q
		}
	}
	return best
}
