package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

// A key is one field of a configuration type.
type key struct {
	name  string // as in the file; "" for the keys of an inlined part
	field reflect.StructField
}

// keysOf lists the keys of a struct type in their order.
func keysOf(t reflect.Type) (keys []key) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, flags, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name != "":
			keys = append(keys, key{name, f})
		case flags == "inline":
			keys = append(keys, keysOf(f.Type)...)
		}
	}
	return keys
}

// enum are the values that a key may have; nil for any.
func (k key) enum() []string {
	if list, ok := k.field.Tag.Lookup("enum"); ok {
		return strings.Split(list, "|")
	}
	return nil
}

// limits are the bounds of a key's number.
func (k key) limits() (low, high string, ok bool) { return strings.Cut(k.field.Tag.Get("range"), "..") }

// number reads a value of a key's type as a number: bytes, nanoseconds, or what it is.
func number(t reflect.Type, text string) (int64, error) {
	v := reflect.New(t)
	if u, ok := v.Interface().(encoding.TextUnmarshaler); ok {
		err := u.UnmarshalText([]byte(text))
		return v.Elem().Int(), err
	}
	return strconv.ParseInt(text, 10, 64)
}

// checkTags says which values are outside of what the tags of their keys allow. What
// is in lists is checked where it belongs.
func checkTags(at string, v reflect.Value) (errs []error) {
	for _, k := range keysOf(v.Type()) {
		f, name := v.FieldByIndex(k.field.Index), at+k.name
		if list := k.enum(); list != nil && !slices.Contains(list, f.String()) {
			errs = append(errs, fmt.Errorf("%s: %.32q is not possible; choose one of %s", name, f.String(), strings.TrimPrefix(strings.Join(list, ", "), ", ")))
		}
		if low, high, ok := k.limits(); ok && !within(f, low, high) {
			errs = append(errs, fmt.Errorf("%s: %v is not possible; choose %s to %s", name, f.Interface(), low, high))
		}
		if f.Kind() == reflect.Struct && !isScalar(f.Type()) {
			errs = append(errs, checkTags(name+".", f)...)
		}
	}
	return errs
}

func within(f reflect.Value, low, high string) bool {
	l, lowErr := number(f.Type(), low)
	h, highErr := number(f.Type(), high)
	return lowErr == nil && highErr == nil && l <= f.Int() && f.Int() <= h
}

// isScalar reports whether a type is one value in the file, or reads its own forms.
func isScalar(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t.Kind() != reflect.Struct || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) ||
		p.Implements(reflect.TypeFor[yaml.InterfaceUnmarshaler]())
}

// unreadable says what is wrong with YAML that cannot be read, and where, without the
// text itself: a password may stand in it.
func unreadable(err error) error {
	var unknown *yaml.UnknownFieldError
	var at yaml.Error
	switch {
	case errors.As(err, &unknown):
		return unknownKey(unknown)
	case errors.As(err, &at) && at.GetToken() != nil && at.GetToken().Position != nil:
		return fmt.Errorf("line %d: %s", at.GetToken().Position.Line, at.GetMessage())
	case errors.As(err, &at):
		return errors.New(at.GetMessage())
	}
	return err
}

// withLines adds to each mistake the line of the key that it starts with.
func withLines(err error, data []byte) error {
	list, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	file, parseErr := parser.ParseBytes(data, 0)
	if parseErr != nil {
		return err
	}
	var errs []error
	for _, e := range list.Unwrap() {
		name, _, _ := strings.Cut(e.Error(), ":")
		name, _, _ = strings.Cut(name, " ")
		for ; name != ""; name = parent(name) {
			path, err := yaml.PathString("$." + name)
			if err != nil {
				continue
			}
			if node, err := path.FilterFile(file); err == nil && node != nil && node.GetToken() != nil {
				e = fmt.Errorf("line %d: %w", node.GetToken().Position.Line, e)
				break
			}
		}
		errs = append(errs, e)
	}
	return errors.Join(errs...)
}

// parent is the key that a key stands under; "" for none.
func parent(name string) string {
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		return name[:i]
	}
	return ""
}
