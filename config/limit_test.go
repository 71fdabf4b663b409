package config

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestLimitsAreFlagsAndATable(t *testing.T) {
	s, err := parse(t, "[limit]\nuri = 300\nnonce-life = \"1m\"\nuser-rate = 7\n", "--limit-user-rate", "8", "--limit-aor-burst=9")
	if err != nil {
		t.Fatal(err)
	}
	if l := s.Limit; l.URI != 300 || l.NonceLife != Duration(time.Minute) || l.UserRate != 8 || l.AoRBurst != 9 || l.Head != 16384 {
		t.Errorf("%+v", l)
	}
	t.Setenv("LAMPLIGHT_LIMIT_URI", "200")
	if s, err = parse(t, "[limit]\nuri = 300\n"); err != nil || s.Limit.URI != 200 {
		t.Errorf("the environment: %d, %v", s.Limit.URI, err)
	}
	if _, err := parse(t, "[limit]\nurl = 300\n"); err == nil || !strings.Contains(err.Error(), "line 2: unknown key \"limit.url\"") {
		t.Errorf("an unknown limit: %v", err)
	}
}

// Where nothing is set the defaults are those of the flags, and none is zero.
func TestEveryLimitHasADefault(t *testing.T) {
	s, err := parse(t, "")
	if err != nil {
		t.Fatal(err)
	}
	l := Limit{}.OrDefault()
	if l != s.Limit {
		t.Errorf("%+v, want %+v", l, s.Limit)
	}
	v := reflect.ValueOf(l)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s is zero", v.Type().Field(i).Name)
		}
	}
	if l := (Limit{URI: 7}).OrDefault(); l.URI != 7 {
		t.Error("what was set is lost")
	}
}

func TestLimitsThatMakeNoSense(t *testing.T) {
	for _, args := range [][]string{
		{"--limit-uri", "-1"}, {"--limit-xml-depth", "33"}, {"--limit-head", "65536"}, {"--limit-publish-min", "25h"}, {"--limit-nonce-life", "1ms"}, {"--limit-intake", "-5"},
	} {
		s, err := parse(t, "", args...)
		if err == nil {
			err = s.Check()
		}
		if err == nil || !strings.Contains(err.Error(), "--limit-") {
			t.Errorf("%v: %v", args, err)
		}
	}
}
