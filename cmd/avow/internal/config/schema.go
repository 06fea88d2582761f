package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/avowai/avow/disclose"
)

// SchemaURL names the JSON Schema of the configuration.
const SchemaURL = "https://github.com/avowai/avow/raw/main/docs/config.schema.json"

// object is a JSON object.
type object = map[string]any

// Schema is the JSON Schema (2020-12) of the configuration, for editors. It is made of
// the types, their tags and the defaults. What keys mean together, Check alone knows.
func Schema() ([]byte, error) {
	s, err := schemaOf(reflect.TypeFor[Config](), reflect.ValueOf(Default()))
	if err != nil {
		return nil, err
	}
	s["$schema"], s["$id"], s["title"] = "https://json-schema.org/draft/2020-12/schema", SchemaURL, "Configuration of avow"
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err = enc.Encode(s)
	return buf.Bytes(), err
}

// ownForm is the schema of a type that reads more than one form, or text of its own;
// nil for others.
func ownForm(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[Size]():
		return object{"type": []string{"string", "integer"}, "pattern": "^[0-9]+ *(GiB|MiB|KiB|B)?$", "minimum": 0}
	case reflect.TypeFor[Duration]():
		return object{"type": "string", "pattern": "^([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$"}
	case reflect.TypeFor[Date]():
		return object{"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
	case reflect.TypeFor[time.Time]():
		return object{"type": "string"}
	case reflect.TypeFor[Shape]():
		return wordOr[pointers](append([]string{""}, shapeNames()...))
	case reflect.TypeFor[VisibleLabel]():
		return wordOr[Looks]([]string{"off", "on"})
	case reflect.TypeFor[AIGCLabel]():
		return wordOr[AIGCCode]([]string{"off", "on"})
	case reflect.TypeFor[RouteNotice]():
		return wordOr[RouteCadence]([]string{"off", "on"})
	case reflect.TypeFor[disclose.Deepfake]():
		return object{"enum": []any{true, false, string(disclose.DeepfakeTrue), string(disclose.DeepfakeArtistic), "false"}}
	}
	return nil
}

// wordOr is one of some words, or a mapping.
func wordOr[T any](words []string) object {
	mapping, err := schemaOf(reflect.TypeFor[T](), reflect.Value{})
	if err != nil {
		return object{"description": err.Error()} // found by the test of descriptions
	}
	return object{"anyOf": []any{object{"type": "string", "enum": words}, mapping}}
}

// foreign describes the keys of types that package disclose has, which carry no tags
// of this package.
var foreign = map[string]string{
	"Publication.deepfake":        "The work is a deep fake: true, or artistic for a part of an evidently artistic work.",
	"Publication.public_interest": "The text informs the public on matters of public interest.",
	"Publication.review":          "Review of a text of public interest by people.",
	"Review.reviewer":             "Who reviewed it.",
	"Review.time":                 "When.",
	"Review.sha256":               "SHA-256 of the text that was reviewed, in hexadecimal digits.",
	"Review.responsible":          "Who holds editorial responsibility.",
	"Review.contact":              "How to reach them.",
	"Review.facts_checked":        "The facts were checked.",
}

// listed are the words that lists of a key may hold.
func listed() map[string][]string {
	return map[string][]string{"require": carrierNames(), "observes": observed}
}

// schemaOf is the schema of a type; defaults, where valid, is its value by default.
func schemaOf(t reflect.Type, defaults reflect.Value) (object, error) {
	if s := ownForm(t); s != nil {
		return s, nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem(), reflect.Value{})
	case reflect.String:
		return object{"type": "string"}, nil
	case reflect.Bool:
		return object{"type": "boolean"}, nil
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}, nil
	case reflect.Float64:
		return object{"type": "number"}, nil
	case reflect.Map, reflect.Slice:
		items, err := schemaOf(t.Elem(), reflect.Value{})
		if t.Kind() == reflect.Map {
			return object{"type": "object", "additionalProperties": items}, err
		}
		return object{"type": "array", "items": items}, err
	case reflect.Struct:
		return schemaOfStruct(t, defaults)
	}
	return nil, fmt.Errorf("config: no schema for %s", t)
}

func schemaOfStruct(t reflect.Type, defaults reflect.Value) (object, error) {
	properties := object{}
	for _, k := range keysOf(t) {
		var value reflect.Value
		if defaults.IsValid() {
			value = defaults.FieldByIndex(k.field.Index)
		}
		s, err := schemaOf(k.field.Type, value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.name, err)
		}
		if s["description"] = k.field.Tag.Get("doc"); s["description"] == "" {
			s["description"] = foreign[t.Name()+"."+k.name]
		}
		if s["description"] == "" {
			return nil, fmt.Errorf("config: %s.%s has no description: give it a tag doc", t.Name(), k.name)
		}
		if err := narrow(s, k, value); err != nil {
			return nil, err
		}
		properties[k.name] = s
	}
	return object{"type": "object", "additionalProperties": false, "properties": properties}, nil
}

// narrow adds what the tags of a key say, and its default.
func narrow(s object, k key, value reflect.Value) error {
	if list := k.enum(); list != nil {
		s["enum"] = list
	}
	if also := k.field.Tag.Get("also"); also != "" {
		s["type"] = []any{s["type"], also}
	}
	if words := listed()[k.name]; words != nil {
		s["items"] = object{"type": "string", "enum": words}
	}
	if low, high, ok := k.limits(); ok && s["type"] == "integer" {
		l, lowErr := strconv.ParseInt(low, 10, 64)
		h, highErr := strconv.ParseInt(high, 10, 64)
		if lowErr != nil || highErr != nil {
			return fmt.Errorf("config: %s: range %s..%s", k.name, low, high)
		}
		s["minimum"], s["maximum"] = l, h
	} else if ok {
		s["description"] = fmt.Sprintf("%v From %s to %s.", s["description"], low, high)
	}
	if value.IsValid() && isScalar(value.Type()) && value.Kind() != reflect.Struct && value.Kind() != reflect.Pointer &&
		value.Kind() != reflect.Slice && value.Kind() != reflect.Map {
		s["default"] = value.Interface()
	}
	return nil
}
