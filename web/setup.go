package web

import (
	"crypto/subtle"
	"html/template"
	"net/http"
	"strings"
	"sync"

	"lamplight/event"
	"lamplight/web/auth"
)

var setupPage = template.Must(template.New("setup").Parse(`<!doctype html>
<html lang="{{.Lang}}"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Lamplight</title>
<main><h1>{{if eq .Lang "ko"}}첫 관리자 만들기{{else}}Make the first administrator{{end}}</h1>
{{with .Failed}}<p role="alert">{{.}}</p>{{end}}
<form method="post" action="/setup"><input type="hidden" name="token" value="{{.Token}}">
<p><label>{{if eq .Lang "ko"}}사용자{{else}}User{{end}} <input name="user" autocomplete="username" required></label></p>
<p><label>{{if eq .Lang "ko"}}이름{{else}}Name{{end}} <input name="name" autocomplete="name"></label></p>
<p><label>{{if eq .Lang "ko"}}비밀번호{{else}}Password{{end}} <input name="password" type="password" autocomplete="new-password" minlength="8" required></label></p>
<p><button>{{if eq .Lang "ko"}}만들기{{else}}Make{{end}}</button></p></form></main></html>
`))

// leastPassword is how long an administrator's password is at least, in bytes.
const leastPassword = 8

// Setup answers a link, which holds a secret, with a form that makes the first
// administrator; once.
func Setup(secret string, a *auth.Auth, make_ func(user, name, password string) (event.AoR, error)) http.Handler {
	var mu sync.Mutex
	used := false
	show := func(w http.ResponseWriter, r *http.Request, status int, failed string) {
		lang := "en"
		if strings.HasPrefix(r.Header.Get("Accept-Language"), "ko") {
			lang = "ko"
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_ = setupPage.Execute(w, struct{ Lang, Token, Failed string }{lang, secret, failed})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
		if used || subtle.ConstantTimeCompare([]byte(r.FormValue("token")), []byte(secret)) != 1 {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodPost {
			show(w, r, http.StatusOK, "")
			return
		}
		if len(r.PostFormValue("password")) < leastPassword {
			show(w, r, http.StatusUnprocessableEntity, "The password needs eight characters at least.")
			return
		}
		aor, err := make_(r.PostFormValue("user"), r.PostFormValue("name"), r.PostFormValue("password"))
		if err == nil {
			used = true
			err = a.Begin(w, r, aor)
		}
		if err != nil {
			show(w, r, http.StatusUnprocessableEntity, err.Error())
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
}
