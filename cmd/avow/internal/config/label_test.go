package config

import (
	"strings"
	"testing"
)

func TestLabelForms(t *testing.T) {
	for yaml, want := range map[string]VisibleLabel{
		"":                    {},
		"image: {label: off}": {},
		"image: {label: on}":  {On: true},
		"image: {label: {}}":  {On: true},
		"image: {label: {badge: ai_generated, corner: bottom_left, margin: -1}}":       {On: true, Looks: Looks{Badge: "ai_generated", Corner: "bottom_left", Margin: -1}},
		"image: {label: {badge: none, qr: 'https://ai.example/v?id={id}', size: 0.1}}": {On: true, Looks: Looks{Badge: "none", QR: "https://ai.example/v?id={id}", Size: 0.1}},
	} {
		c, err := Parse([]byte(yaml))
		if err != nil {
			t.Errorf("%s: %v", yaml, err)
			continue
		}
		if c.Image.Label != want || (c.Options().Disclose.VisibleLabel != nil) != want.On {
			t.Errorf("%s: %+v, want %+v", yaml, c.Image.Label, want)
		}
		text, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Parse(text); err != nil || again.Image.Label != want {
			t.Errorf("%s: shown and read again: %+v, %v", yaml, again.Image.Label, err)
		}
	}
}

func TestLabelMistakes(t *testing.T) {
	for yaml, want := range map[string]string{
		"image: {label: yes}":                   "choose off, on",
		"image: {label: [on]}":                  "",
		"image: {label: {badge: KI}}":           "choose ai, ai_generated",
		"image: {label: {corner: top}}":         "choose top_right",
		"image: {label: {margin: 0.9}}":         "margin 0.9",
		"image: {label: {qr: ai.example}}":      "whole address",
		"image: {label: {badge: none}}":         "nothing to draw",
		"image:\n  label:\n    cornr: top_left": `did you mean "corner"?`,
	} {
		if _, err := Parse([]byte(yaml)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", yaml, err, want)
		}
	}
}
