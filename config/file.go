package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/pelletier/go-toml/v2"
)

// File reads the settings file for kong. A key that is not known is an error
// with its line. The environment stands above the file, flags above both.
func File(r io.Reader) (kong.Resolver, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if err := strict(b); err != nil {
		return nil, err
	}
	values := map[string]any{}
	if err := toml.Unmarshal(b, &values); err != nil {
		return nil, position(err)
	}
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		for _, env := range flag.Envs {
			if _, set := os.LookupEnv(env); set {
				return nil, nil
			}
		}
		return flagValue(value(values, flag.Name)), nil
	}), nil
}

// value finds a setting by its flag: limit-uri is uri in the table limit.
func value(values map[string]any, flag string) any {
	for name, v := range values {
		if table, ok := v.(map[string]any); ok {
			if key, ok := strings.CutPrefix(flag, name+"-"); ok {
				return table[key]
			}
		}
	}
	return values[flag]
}

// strict reads the file as the struct that it is for.
func strict(b []byte) error {
	var s Serve
	return position(toml.NewDecoder(strings.NewReader(string(b))).DisallowUnknownFields().Decode(&s))
}

// position words an error of the library's with its line.
func position(err error) error {
	var unknown *toml.StrictMissingError
	var syntax *toml.DecodeError
	switch {
	case errors.As(err, &unknown):
		first := unknown.Errors[0]
		line, _ := first.Position()
		return fmt.Errorf("line %d: unknown key %q", line, strings.Join(first.Key(), "."))
	case errors.As(err, &syntax):
		line, _ := syntax.Position()
		return fmt.Errorf("line %d: %w", line, err)
	}
	return err
}

// flagValue writes a list, or a number, as a flag has it; a list of tables is left
// as it is.
func flagValue(v any) any {
	if n, ok := v.(int64); ok {
		return fmt.Sprint(n)
	}
	list, ok := v.([]any)
	if !ok {
		return v
	}
	if len(list) > 0 {
		if _, tables := list[0].(map[string]any); tables {
			return v
		}
	}
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = fmt.Sprint(w)
	}
	return strings.Join(words, ",")
}
