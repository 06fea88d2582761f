package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
)

// Variable is the environment variable of a key: AVOW_ and its path in capitals, with
// _ for what separates words and parts, such as AVOW_LEDGER_URL for ledger.url.
func Variable(path string) string {
	return "AVOW_" + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// Environment puts the values of environment variables over those of a file, and says
// which cannot be read. Every key that is one value, or a list of words, has a
// variable; a list is written with commas. One that is empty counts as not set.
func (c *Config) Environment(lookup func(name string) (string, bool)) error {
	var errs []error
	eachScalar("", reflect.ValueOf(c).Elem(), func(path string, v reflect.Value) {
		name := Variable(path)
		text, ok := lookup(name)
		if !ok || text == "" {
			return
		}
		if err := setScalar(v, text); err != nil {
			errs = append(errs, fmt.Errorf("environment variable %s: %w", name, err))
		}
	})
	if set(lookup, "ledger.url") && !set(lookup, "ledger.url_file") {
		c.Ledger.URLFile = "" // the file's, which the variable stands above
	} else if set(lookup, "ledger.url_file") && !set(lookup, "ledger.url") {
		c.Ledger.URL = ""
	}
	return errors.Join(errs...)
}

func set(lookup func(string) (string, bool), path string) bool {
	text, ok := lookup(Variable(path))
	return ok && text != ""
}

// eachScalar calls fn for every key that is one value or a list of words.
func eachScalar(at string, v reflect.Value, fn func(path string, v reflect.Value)) {
	for _, k := range keysOf(v.Type()) {
		f, path := v.FieldByIndex(k.field.Index), at+k.name
		switch t := f.Type(); {
		case t.Kind() == reflect.Map, t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.String:
		case isScalar(t):
			fn(path, f)
		default:
			eachScalar(path+".", f, fn)
		}
	}
}

// setScalar reads text as a file would have it. Its errors do not repeat the text.
func setScalar(v reflect.Value, text string) error {
	switch {
	case v.Kind() == reflect.String:
		v.SetString(text)
		return nil
	case v.Kind() == reflect.Slice:
		list := []string{}
		for word := range strings.SplitSeq(text, ",") {
			if word = strings.TrimSpace(word); word != "" {
				list = append(list, word)
			}
		}
		v.Set(reflect.ValueOf(list))
		return nil
	}
	t := v.Type()
	if v.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	fresh := reflect.New(t)
	if err := yaml.UnmarshalWithOptions([]byte(text), fresh.Interface(), yaml.Strict()); err != nil {
		var at yaml.Error
		if errors.As(err, &at) {
			return errors.New(at.GetMessage())
		}
		return err
	}
	if v.Kind() == reflect.Pointer {
		v.Set(fresh)
	} else {
		v.Set(fresh.Elem())
	}
	return nil
}

// maxURLFile bounds a file that holds a URL, in bytes.
const maxURLFile = 4096

// Database is the ledger's URL: its own, or what its file holds. An error never
// repeats it.
func (l Ledger) Database() (string, error) {
	if l.URLFile == "" {
		return l.URL, nil
	}
	f, err := os.Open(l.URLFile)
	if err != nil {
		return "", fmt.Errorf("ledger.url_file: %w", err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxURLFile+1))
	if err != nil {
		return "", fmt.Errorf("ledger.url_file: %w", err)
	}
	address := strings.TrimSpace(string(text))
	if len(text) > maxURLFile || !isDatabase(address) {
		return "", fmt.Errorf("ledger.url_file: %s does not hold an address such as postgres://user@host/name", l.URLFile)
	}
	return address, nil
}

func isDatabase(address string) bool {
	return strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
}
