package auth

import (
	"fmt"
	"slices"
	"strings"
)

// All is the scope that grants all others.
const All = "all"

// Scopes are what a token may be good for.
var Scopes = []string{All, "presence:read", "presence:write", "watchers:read", "watchers:write", "calls", "history", "people", "lists:read", "lists:write", "registrations", "xcap"}

// CheckScopes refuses what is no scope.
func CheckScopes(list []string) error {
	if len(list) == 0 {
		return fmt.Errorf("a token needs a scope: %s", strings.Join(Scopes, ", "))
	}
	for _, s := range list {
		if !slices.Contains(Scopes, s) {
			return fmt.Errorf("%q is no scope: want %s", s, strings.Join(Scopes, ", "))
		}
	}
	return nil
}
