package app

import (
	"errors"
	"slices"
	"time"

	"lamplight/control"
	"lamplight/event"
	"lamplight/store/cold"
	"lamplight/web/auth"
)

// known is a stored user, of whom a command speaks.
func (u *users) known(user string) (event.AoR, error) {
	aor, err := u.aor(user)
	if err != nil {
		return "", err
	}
	return u.store.Known(aor)
}

func (u *users) Role(user string) (string, error) {
	aor, err := u.known(user)
	if err != nil {
		return "", err
	}
	return u.store.Role(aor)
}

func (u *users) SetRole(user, role string) error {
	aor, err := u.aor(user)
	if err != nil {
		return err
	}
	return u.store.SetRole(aor, role)
}

func (u *users) Tokens(user string) ([]control.Token, error) {
	aor, err := u.known(user)
	if err != nil {
		return nil, err
	}
	stored, err := u.store.Tokens(aor)
	list := make([]control.Token, len(stored))
	for i, t := range stored {
		list[i] = shownToken(t)
	}
	return list, err
}

func shownToken(t cold.Token) control.Token {
	return control.Token{ID: t.ID, Name: t.Name, Scopes: t.Scopes, Made: t.Made, Until: t.Until}
}

var errTokenTime = errors.New("a token holds for a time that is to come")

// AddToken makes a token, of which only a hash is kept.
func (u *users) AddToken(o control.TokenOrder) (control.Token, error) {
	if err := auth.CheckScopes(o.Scopes); err != nil {
		return control.Token{}, err
	}
	aor, err := u.known(o.User)
	if err != nil {
		return control.Token{}, err
	}
	t := cold.Token{AoR: aor, Name: o.Name, Scopes: slices.Compact(slices.Sorted(slices.Values(o.Scopes))), Made: time.Now().Truncate(time.Second)}
	switch {
	case o.For < 0 || o.For > 0 && o.For < time.Second:
		return control.Token{}, errTokenTime
	case o.For > 0:
		t.Until = t.Made.Add(o.For)
	}
	secret, hash := auth.NewToken()
	if t.ID, err = u.store.AddToken(hash, t); err != nil {
		return control.Token{}, err
	}
	made := shownToken(t)
	made.Secret = secret
	return made, nil
}

func (u *users) RemoveToken(user string, id int64) error {
	list, err := u.Tokens(user)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(t control.Token) bool { return t.ID == id }) {
		return cold.ErrNoToken
	}
	return u.store.RemoveToken(id)
}
