package cold

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits in bytes.
const (
	maxName     = 128
	maxDomain   = 253
	maxDisplay  = 256
	maxPassword = 1024
	maxAliases  = 64 // of one user
)

// userMarks are the marks of a SIP user part that need no escape and separate
// nothing (RFC 3261 §25.1).
const userMarks = "-_.!~*'()&=+$,"

// parseUser takes "alice@example.test", with "sip:" before it or without,
// apart. The domain comes in lower case, and is empty for "alice".
func parseUser(s string) (user, domain string, err error) {
	user, domain, ok := strings.Cut(strings.TrimPrefix(s, "sip:"), "@")
	domain = strings.ToLower(domain)
	if !isUserName(user) || ok && !isDomain(domain) {
		return "", "", fmt.Errorf("%q is %w of a user like alice@example.test", s, ErrBadName)
	}
	return user, domain, nil
}

func isUserName(s string) bool {
	return s != "" && len(s) <= maxName && strings.IndexFunc(s, func(r rune) bool {
		return !isAlphanumeric(r) && !strings.ContainsRune(userMarks, r)
	}) < 0
}

// isDomain takes host names and addresses in lower case.
func isDomain(s string) bool {
	return s != "" && len(s) <= maxDomain && strings.IndexFunc(s, func(r rune) bool {
		return !isAlphanumeric(r) && !strings.ContainsRune("-.[]:_", r)
	}) < 0
}

func isAlphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

func parseDomain(s string) (string, error) {
	if s = strings.ToLower(s); !isDomain(s) {
		return "", fmt.Errorf("%q is %w of a domain", s, ErrBadName)
	}
	return s, nil
}

// parseAlias takes another user name, or a number: "+49 89 1234" comes as
// "+49891234" (RFC 3966 §5.1.1).
func parseAlias(s string) (string, error) {
	if !strings.HasPrefix(s, "+") {
		if !isUserName(s) {
			return "", fmt.Errorf("%q is %w of an alias", s, ErrBadName)
		}
		return s, nil
	}
	number := "+" + strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.() ", r) {
			return -1
		}
		return r
	}, s[1:])
	if len(number) < 2 || len(number) > 33 || strings.Trim(number[1:], "0123456789") != "" {
		return "", fmt.Errorf("%q is %w of a number", s, ErrBadName)
	}
	return number, nil
}

func parseAliases(list []string) ([]string, error) {
	if len(list) > maxAliases {
		return nil, fmt.Errorf("%d aliases, more than %d: %w", len(list), maxAliases, ErrBadName)
	}
	var aliases []string
	for _, s := range list {
		alias, err := parseAlias(s)
		if err != nil {
			return nil, err
		}
		aliases = append(aliases, alias)
	}
	return aliases, nil
}

func checkDisplay(s string) error {
	if len(s) > maxDisplay || !isText(s) {
		return fmt.Errorf("%q is %w to show", s, ErrBadName)
	}
	return nil
}

func checkPassword(s string) error {
	if s == "" || len(s) > maxPassword || !isText(s) {
		return ErrBadPassword
	}
	return nil
}

func isText(s string) bool { return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0 }
