package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"lamplight/event"
	"lamplight/sip/digest"
	"lamplight/store/cold"
	"lamplight/web"
	"lamplight/web/auth"
	"lamplight/web/pages"
	"lamplight/web/phonebook"
)

// How long the web listener waits for a request, and what one may be.
const (
	webHeaderTime = 10 * time.Second
	webTime       = 30 * time.Second // for a request, and for its answer
	webIdle       = 2 * time.Minute
	webStop       = 5 * time.Second
	webHead       = 16 << 10
)

// openWeb opens the listener of the web pages: by HTTPS where a certificate is
// given. With --insecure-no-auth people sign in all the same.
func (p *Process) openWeb() error {
	if p.settings.Web == "" {
		return nil
	}
	secure := p.settings.TLSCert != ""
	a := auth.New(auth.Options{Store: sessions{p.people}, Book: p.book, Domain: p.o.Domain[0], Secure: secure, Logger: p.log,
		Verifier: digest.New(secret(), time.Now, digest.Options{})})
	setup, err := p.setup(a)
	if err != nil {
		return err
	}
	office := &office{p}
	var documents http.Handler
	if p.Documents() != nil {
		documents = a.Required("xcap", p.XCAP(func(r *http.Request) event.AoR {
			aor, _ := auth.User(r.Context())
			return aor
		}))
	}
	p.web = web.New(web.Options{Auth: a, Office: office, Watch: p.WatchLamps, Secure: secure, SIP: p.layer.WebSocket(), XCAP: documents, Phonebook: a.Required("people", phonebook.New(office.phonebook)), Setup: setup, SignIn: pages.SignIn,
		Pages: pages.New(pages.Options{Office: pageOffice{office}, User: func(r *http.Request) (event.AoR, bool) { return auth.User(r.Context()) },
			Admin: func(r *http.Request) bool { return auth.Role(r.Context()) == "admin" }})})
	l, err := net.Listen("tcp", p.settings.Web)
	if err != nil {
		return fmt.Errorf("--web: %w", err)
	}
	p.webAddr = l.Addr().String()
	s := &http.Server{Handler: p.web, ReadHeaderTimeout: webHeaderTime, ReadTimeout: webTime, WriteTimeout: webTime, IdleTimeout: webIdle, MaxHeaderBytes: webHead,
		ErrorLog: log.New(io.Discard, "", 0)} // what anybody can cause
	if secure {
		c := &certificate{cert: p.settings.TLSCert, key: p.settings.TLSKey, log: p.log}
		if err := c.load(); err != nil {
			return errors.Join(fmt.Errorf("certificate: %w", err), l.Close())
		}
		s.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if secure {
			_ = s.ServeTLS(l, "", "") // its error is that it was stopped
		} else {
			_ = s.Serve(l)
		}
	}()
	p.closers = append(p.closers, func() error {
		p.web.Close()
		ctx, cancel := context.WithTimeout(context.Background(), webStop)
		defer cancel()
		if s.Shutdown(ctx) != nil {
			_ = s.Close()
		}
		<-done
		return nil
	})
	if p.setupLink != "" {
		p.setupLink = map[bool]string{true: "https://", false: "http://"}[secure] + p.webAddr + p.setupLink
	}
	return nil
}

// WebURL is where the pages are; "": nowhere.
func (p *Process) WebURL() string {
	switch {
	case p.webAddr == "":
		return ""
	case p.settings.TLSCert != "":
		return "https://" + p.webAddr + "/"
	}
	return "http://" + p.webAddr + "/"
}

// SetupLink is where the first administrator is made; "": there is one, or no web.
func (p *Process) SetupLink() string { return p.setupLink }

// setup is the handler of the link that makes the first administrator; nil where
// there is one.
func (p *Process) setup(a *auth.Auth) (http.Handler, error) {
	has, err := p.people.HasAdmin()
	if has || err != nil {
		return nil, err
	}
	secret := rand.Text()
	p.setupLink = "/setup?token=" + secret
	return web.Setup(secret, a, func(user, name, password string) (event.AoR, error) {
		if has, err := p.people.HasAdmin(); has || err != nil {
			return "", errors.Join(errHasAdmin, err)
		}
		aor := p.UserAoR(user)
		err := p.people.AddUsers([]cold.NewUser{{AoR: string(aor), Name: name, Password: password, Web: true}})
		if errors.Is(err, cold.ErrExists) {
			err = p.people.SetPassword(string(aor), password, true)
		}
		if err != nil {
			return "", err
		}
		if err := p.people.SetRole(string(aor), "admin"); err != nil {
			return "", err
		}
		return aor, p.PeopleChanged()
	}), nil
}

var errHasAdmin = errors.New("there is an administrator already")

// sessions are kept in the cold store.
type sessions struct{ *cold.Store }

func (s sessions) Session(hash []byte) (auth.Session, error) {
	one, err := s.Store.Session(hash)
	return auth.Session{AoR: one.AoR, Role: one.Role, Began: one.Began, Seen: one.Seen}, err
}

func (s sessions) Token(hash []byte) (auth.Session, error) {
	t, err := s.Store.Token(hash)
	return auth.Session{AoR: t.AoR, Role: t.Role, Began: t.Made, Until: t.Until, Scopes: t.Scopes}, err
}
