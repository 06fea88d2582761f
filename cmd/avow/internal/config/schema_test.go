package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/avowai/avow/watermark/textmark"
)

const schemaFile = "../../../../docs/config.schema.json"

func TestPublishedSchemaIsCurrent(t *testing.T) {
	want, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE_SCHEMA") != "" {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("docs/config.schema.json is not what the types say (%v); run UPDATE_SCHEMA=1 go test ./cmd/avow/internal/config", err)
	}
}

// A checker checks values against a schema; it knows the words that ours has.
type checker struct{ errs []string }

func (c *checker) fail(at, format string, args ...any) {
	c.errs = append(c.errs, at+": "+fmt.Sprintf(format, args...))
}

func (c *checker) check(at string, s map[string]any, v any) {
	for word, arg := range s {
		switch word {
		case "$schema", "$id", "title", "description", "default", "additionalProperties":
		case "type":
			if !hasType(arg, v) {
				c.fail(at, "%T is no %v", v, arg)
			}
		case "enum":
			if !slices.ContainsFunc(arg.([]any), func(e any) bool { return e == v }) {
				c.fail(at, "%v is none of %v", v, arg)
			}
		case "pattern":
			if text, ok := v.(string); ok && !regexp.MustCompile(arg.(string)).MatchString(text) {
				c.fail(at, "%q does not match %s", text, arg)
			}
		case "minimum", "maximum":
			if n, ok := v.(float64); ok && (word == "minimum" && n < arg.(float64) || word == "maximum" && n > arg.(float64)) {
				c.fail(at, "%v is beyond the %s %v", n, word, arg)
			}
		case "items":
			list, _ := v.([]any)
			for i, e := range list {
				c.check(fmt.Sprintf("%s[%d]", at, i), arg.(map[string]any), e)
			}
		case "anyOf":
			c.anyOf(at, arg.([]any), v)
		case "properties":
			c.properties(at, s, v)
		default:
			c.fail(at, "the checker does not know %q", word)
		}
	}
	if more, ok := s["additionalProperties"].(map[string]any); ok {
		members, _ := v.(map[string]any)
		for name, value := range members {
			c.check(at+"."+name, more, value)
		}
	}
}

func (c *checker) anyOf(at string, choices []any, v any) {
	for _, choice := range choices {
		var one checker
		if one.check(at, choice.(map[string]any), v); len(one.errs) == 0 {
			return
		}
	}
	c.fail(at, "%v has none of the possible forms", v)
}

func (c *checker) properties(at string, s map[string]any, v any) {
	members, _ := v.(map[string]any)
	for name, value := range members {
		of, ok := s["properties"].(map[string]any)[name].(map[string]any)
		switch {
		case ok:
			c.check(at+"."+name, of, value)
		case s["additionalProperties"] == false:
			c.fail(at, "no key is called %q", name)
		}
	}
}

func hasType(names, v any) bool {
	list, ok := names.([]any)
	if !ok {
		list = []any{names}
	}
	for _, name := range list {
		n, number := v.(float64)
		switch v.(type) {
		case string:
			ok = name == "string"
		case bool:
			ok = name == "boolean"
		case map[string]any:
			ok = name == "object"
		case []any:
			ok = name == "array"
		default:
			ok = number && (name == "number" || name == "integer" && n == float64(int64(n)))
		}
		if ok {
			return true
		}
	}
	return false
}

// against checks YAML against the published schema.
func against(t *testing.T, text []byte) []string {
	t.Helper()
	var raw any
	if err := yaml.Unmarshal(text, &raw); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(raw)
	if err != nil {
		t.Fatal(err)
	}
	published, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	var schema map[string]any
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(published, &schema); err != nil {
		t.Fatal(err)
	}
	var c checker
	c.check("", schema, value)
	return c.errs
}

var fence = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```")

// TestExamplesFitTheSchema: what the documents show is what programs and editors take.
func TestExamplesFitTheSchema(t *testing.T) {
	defaults, err := Default().YAML()
	if err != nil {
		t.Fatal(err)
	}
	examples := map[string]string{"defaults": string(defaults), "full": full}
	docs, err := filepath.Glob("../../../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	known := allKeyNames()
	for _, doc := range append(docs, "../../../../README.md") {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range fence.FindAllSubmatch(text, -1) {
			first, _, _ := strings.Cut(strings.TrimSpace(withoutComments(string(m[1]))), ":")
			if slices.Contains(known, first) { // else it is of another program
				examples[fmt.Sprintf("%s %d", filepath.Base(doc), i+1)] = string(m[1])
			}
		}
	}
	if len(examples) < 8 {
		t.Fatalf("%d examples found", len(examples))
	}
	for name, text := range examples {
		if _, err := Parse([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, e := range against(t, []byte(text)) {
			t.Errorf("%s: schema: %s", name, e)
		}
	}
}

func withoutComments(text string) string {
	for strings.HasPrefix(strings.TrimSpace(text), "#") {
		_, text, _ = strings.Cut(strings.TrimSpace(text), "\n")
	}
	return text
}

func allKeyNames() (names []string) {
	for _, k := range keysOf(reflect.TypeFor[Config]()) {
		names = append(names, k.name)
	}
	return names
}

// TestSchemaRefusesMistakes: an editor underlines what avow would refuse.
func TestSchemaRefusesMistakes(t *testing.T) {
	for _, text := range []string{
		"upsteam: x", "profile: lax", "limits: {held_bytes: much}", "limits: {queue: 0}", "image: {label: yes please}", "image: {webp: gif}",
		"routes: [{path: /a, shape: imag}]", "routes: [{path: /a, require: [image-mark]}]", "routes: [{path: /a, exempt: {date: tomorrow}}]",
		"ledger: {retention: two years}", "routes: [{path: /a, notice: sometimes}]", "routes: [{path: /a, publication: {deepfake: perhaps}}]",
	} {
		if len(against(t, []byte(text))) == 0 {
			t.Errorf("%s fits the schema", text)
		}
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
	if d := keysOf(reflect.TypeFor[TextMark]())[0]; !strings.HasPrefix(d.field.Tag.Get("range"), fmt.Sprint(textmark.DenseDistance)+"..") {
		t.Errorf("the range of text_mark.distance does not begin with %d", textmark.DenseDistance)
	}
}
