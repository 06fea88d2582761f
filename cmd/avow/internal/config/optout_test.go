package config

import (
	"strings"
	"testing"
)

func TestAIGCForms(t *testing.T) {
	for text, want := range map[string]string{"off": "aigc: off", "on": "aigc: on", "{producer: X}": "producer: X", "{}": "aigc: on"} {
		c, err := Parse([]byte("provider: P\nimage: {aigc: " + text + "}"))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if on := c.Options().Disclose.AIGC != nil; on != (text != "off") {
			t.Errorf("%s: on = %v", text, on)
		}
		if shown, err := c.YAML(); err != nil || !strings.Contains(strings.ReplaceAll(string(shown), `"`, ""), want) {
			t.Errorf("%s is shown as %s, %v", text, shown, err)
		}
	}
}

// TestNoSignalsByDefault: nothing is said that nobody configured.
func TestNoSignalsByDefault(t *testing.T) {
	d := Default().Options().Disclose
	if d.AIGC != nil || d.Detector != nil || len(d.OptOut.Headers()) != 0 {
		t.Errorf("AIGC %v, detector %v, opt-out %+v", d.AIGC, d.Detector, d.OptOut)
	}
}

func TestMetadataMistakes(t *testing.T) {
	for yaml, want := range map[string]string{
		"detector: example.org":                         "detector: has to be a URL",
		"opt_out: {content_usage: 'a=b;'}":              "opt_out.content_usage: \"a=b;\" is no Dictionary",
		"opt_out: {tdm_reservation: yes}":               "opt_out.tdm_reservation: \"yes\" is not possible; choose 0 or 1",
		"opt_out: {tdm_policy: 'https://example.org/'}": "opt_out.tdm_policy: goes with tdm_reservation: 1",
		"image: {aigc: sure}":                           "image.aigc: \"sure\" is not possible",
		"image: {aigc: on}":                             "image.aigc: names no producer",
	} {
		if _, err := Parse([]byte(yaml)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", yaml, err, want)
		}
	}
}
