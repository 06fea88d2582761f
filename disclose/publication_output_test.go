package disclose

import (
	"strings"
	"testing"
	"time"
)

// TestPublishedText: the label stands above the text until a review of exactly
// this text replaces it, and comes back with an edit.
func TestPublishedText(t *testing.T) {
	m := newTestMarker(t, nil)
	text := "Harbour reopens\n\nThe harbour opens again on Monday.\n"
	review, err := Review{Reviewer: "R. Reader", Responsible: "Example Press", Contact: "desk@example.org", FactsChecked: true}.
		SignOff([]byte(text), time.Unix(1795392000, 0))
	if err != nil {
		t.Fatal(err)
	}
	reviewed := &Publication{PublicInterest: true, Review: &review}
	for name, c := range map[string]struct {
		p    *Publication
		text string
		want string
	}{
		"no review": {&Publication{PublicInterest: true}, text, "AI-generated\n\n" + text},
		"reviewed":  {reviewed, text, text},
		"edited":    {reviewed, strings.Replace(text, "Monday", "Tuesday", 1), "AI-generated\n\n" + strings.Replace(text, "Monday", "Tuesday", 1)},
		"artistic":  {&Publication{Deepfake: DeepfakeArtistic}, text, text + "\nAI-generated\n"},
		"none":      {nil, text, text},
	} {
		for _, n := range []int{0, 1, 7} {
			out := Output{ContentType: "text/plain", Turn: LaterTurn, Publication: c.p}
			if got, _, err := mark(t, m, out, c.text, n); err != nil || got != c.want {
				t.Errorf("%s, pieces of %d: %v\n%q\nwant %q", name, n, err, got, c.want)
			}
		}
	}
}

// TestPublishedPicture: a deep fake is labelled though the deployment labels
// nothing else.
func TestPublishedPicture(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key = newTestKey(t) })
	picture := string(testPNG(t, 512, 512, 4))
	for _, c := range []struct {
		p     *Publication
		label bool
	}{
		{nil, false}, {&Publication{PublicInterest: true}, false},
		{&Publication{Deepfake: DeepfakeTrue}, true}, {&Publication{Deepfake: DeepfakeArtistic}, true},
	} {
		_, w, err := mark(t, m, Output{ContentType: "image/png", Shape: ShapeImage, Publication: c.p}, picture, 0)
		if err != nil || hasMark(w, CarrierVisibleLabel) != c.label || w.Result().Outcome != OutcomeMarked {
			t.Errorf("%+v: %v, %+v", c.p, err, w.Result().Marks)
		}
	}
}
