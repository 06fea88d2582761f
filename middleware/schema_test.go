package middleware

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A schemaDoc checks values against the schemas of an OpenAPI document, as far as
// ours go (a part of JSON Schema 2020-12). A keyword that it does not know is an
// error: what is not checked should not stand there.
type schemaDoc map[string]any

// annotations say nothing that a value could be checked against.
var annotations = []string{"description", "format", "contentMediaType", "contentEncoding", "default"}

func (d schemaDoc) check(schema map[string]any, v any, at string) error {
	for keyword, arg := range schema {
		if slices.Contains(annotations, keyword) {
			continue
		}
		if err := d.keyword(keyword, arg, schema, v, at); err != nil {
			return err
		}
	}
	return nil
}

func (d schemaDoc) keyword(keyword string, arg any, schema map[string]any, v any, at string) error {
	fail := func() error { return fmt.Errorf("%s: %v does not hold for %s %v", at, v, keyword, arg) }
	is := func(ok bool) error {
		if ok {
			return nil
		}
		return fail()
	}
	text, isText := v.(string)
	list, isList := v.([]any)
	object, isObject := v.(map[string]any)
	number, isNumber := v.(float64)
	switch keyword {
	case "$ref":
		return d.check(d.at(arg.(string)), v, at)
	case "type":
		return is(slices.ContainsFunc(types(arg), func(t string) bool { return hasType(t, v) }))
	case "enum":
		return is(slices.ContainsFunc(arg.([]any), func(e any) bool { return reflect.DeepEqual(e, v) }))
	case "const":
		return is(reflect.DeepEqual(arg, v))
	case "required":
		for _, name := range arg.([]any) {
			if _, ok := object[name.(string)]; isObject && !ok {
				return fmt.Errorf("%s: no %v", at, name)
			}
		}
		return nil
	case "properties":
		for name, sub := range arg.(map[string]any) {
			if member, ok := object[name]; ok {
				if err := d.check(sub.(map[string]any), member, at+"."+name); err != nil {
					return err
				}
			}
		}
		return nil
	case "additionalProperties":
		known, _ := schema["properties"].(map[string]any)
		for name := range object {
			if _, ok := known[name]; !ok && arg == false {
				return fmt.Errorf("%s: %s is not described", at, name)
			}
		}
		return nil
	}
	return d.sizes(keyword, arg, fail, is, sized{text, isText, list, isList, number, isNumber}, at)
}

// sized is a value whose length or amount is bounded.
type sized struct {
	text     string
	isText   bool
	list     []any
	isList   bool
	number   float64
	isNumber bool
}

func (d schemaDoc) sizes(keyword string, arg any, fail func() error, is func(bool) error, v sized, at string) error {
	n, _ := arg.(float64)
	switch keyword {
	case "items":
		for i, e := range v.list {
			if err := d.check(arg.(map[string]any), e, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
		return nil
	case "pattern":
		return is(!v.isText || regexp.MustCompile(arg.(string)).MatchString(v.text))
	case "minLength":
		return is(!v.isText || utf8.RuneCountInString(v.text) >= int(n))
	case "maxLength":
		return is(!v.isText || utf8.RuneCountInString(v.text) <= int(n))
	case "minItems":
		return is(!v.isList || len(v.list) >= int(n))
	case "maxItems":
		return is(!v.isList || len(v.list) <= int(n))
	case "minimum":
		return is(!v.isNumber || v.number >= n)
	case "maximum":
		return is(!v.isNumber || v.number <= n)
	}
	return fmt.Errorf("%s: the keyword %s is not known to this test: %w", at, keyword, fail())
}

// at follows a reference inside the document.
func (d schemaDoc) at(ref string) map[string]any {
	var v any = map[string]any(d)
	for _, name := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		v = v.(map[string]any)[name]
	}
	if v == nil {
		panic("no " + ref)
	}
	return v.(map[string]any)
}

func types(arg any) (out []string) {
	if one, ok := arg.(string); ok {
		return []string{one}
	}
	for _, t := range arg.([]any) {
		out = append(out, t.(string))
	}
	return out
}

func hasType(t string, v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return t == "object"
	case []any:
		return t == "array"
	case string:
		return t == "string"
	case bool:
		return t == "boolean"
	case float64:
		return t == "number" || t == "integer" && v == math.Trunc(v)
	}
	return t == "null" && v == nil
}

func decoded(data []byte) (v any, err error) {
	err = json.Unmarshal(data, &v)
	return v, err
}
