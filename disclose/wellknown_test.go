package disclose

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestWellKnown(t *testing.T) {
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) {
		o.Key = key
		o.Notices = map[string]string{"de": "Sie sprechen mit einer KI, nicht mit einem Menschen."}
	})
	text := string(m.WellKnown().JSON())
	if text != string(m.WellKnown().JSON()) {
		t.Fatal("order of fields changes")
	}
	if strings.Contains(text, key.Secret()) || !strings.Contains(text, key.ID()) {
		t.Fatal(text)
	}
	var w WellKnown
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		t.Fatal(err)
	}
	if len(w.Languages) != 24 || len(w.Notices) != 24 || !strings.Contains(w.Notices["de"], "sprechen") {
		t.Fatalf("%+v", w)
	}
}
