package disclose

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestOptOutCheck(t *testing.T) {
	for name, c := range map[string]struct {
		o    OptOut
		want string // "" for none
	}{
		"nothing":       {OptOut{}, ""},
		"all":           {OptOut{"train-ai=n", "1", "https://example.org/tdm.json"}, ""},
		"two members":   {OptOut{ContentUsage: "train-ai=n, search=y;x=?0"}, ""},
		"a bare key":    {OptOut{ContentUsage: "train-ai"}, ""},
		"not reserved":  {OptOut{TDMReservation: "0"}, ""},
		"line feed":     {OptOut{ContentUsage: "train-ai=n\r\nX: y"}, "content_usage: "},
		"last comma":    {OptOut{ContentUsage: "train-ai=n,"}, "content_usage: "},
		"semicolon":     {OptOut{ContentUsage: "train-ai=n;"}, "content_usage: "},
		"capital key":   {OptOut{ContentUsage: "Train=n"}, "content_usage: "},
		"long":          {OptOut{ContentUsage: "a=" + strings.Repeat("x", 300)}, "content_usage: "},
		"other number":  {OptOut{TDMReservation: "2"}, "tdm_reservation: "},
		"policy alone":  {OptOut{TDMPolicy: "https://example.org/"}, "tdm_policy: goes with"},
		"policy of 0":   {OptOut{TDMReservation: "0", TDMPolicy: "https://example.org/"}, "tdm_policy: goes with"},
		"policy, path":  {OptOut{TDMReservation: "1", TDMPolicy: "/tdm.json"}, "tdm_policy: has to be a URL"},
		"policy, lines": {OptOut{TDMReservation: "1", TDMPolicy: "https://example.org/\r\nX: y"}, "tdm_policy: has to be a URL"},
	} {
		err := c.o.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if _, made := NewMarker(Options{OptOut: c.o}); (made == nil) != (err == nil) {
			t.Errorf("%s: NewMarker says %v", name, made)
		}
	}
}

func TestOptOutSignals(t *testing.T) {
	o := OptOut{"train-ai=n", "1", "https://example.org/tdm.json"}
	want := []HeaderField{{"Content-Usage", "train-ai=n"}, {"Tdm-Reservation", "1"}, {"Tdm-Policy", "https://example.org/tdm.json"}}
	if got := o.Headers(); !reflect.DeepEqual(got, want) {
		t.Errorf("Headers = %v, want %v", got, want)
	}
	var doc []map[string]any
	if err := json.Unmarshal(o.TDMRep(), &doc); err != nil || len(doc) != 1 || doc[0]["location"] != "/" ||
		doc[0]["tdm-reservation"] != 1.0 || doc[0]["tdm-policy"] != o.TDMPolicy {
		t.Errorf("TDMRep = %s, %v", o.TDMRep(), err)
	}
	if none := (OptOut{ContentUsage: "a"}).TDMRep(); none != nil {
		t.Errorf("TDMRep without a reservation = %s", none)
	}
	w := newTestMarker(t, func(opt *Options) { opt.OptOut = o }).WellKnown()
	if !reflect.DeepEqual(w.OptOut, map[string]string{"content_usage": "train-ai=n", "tdm_reservation": "1", "tdm_policy": o.TDMPolicy}) {
		t.Errorf("well-known document: %v", w.OptOut)
	}
	if text := string(newTestMarker(t, nil).WellKnown().JSON()); strings.Contains(text, "opt_out") {
		t.Errorf("signals that nobody configured: %s", text)
	}
}
