package disclose

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"golang.org/x/text/language"
	"pgregory.net/rapid"
)

const article = "The council votes on Monday.\n\nCafé owners object.\n"

func signedOff(t testing.TB, content string) *Review {
	t.Helper()
	r, err := Review{Reviewer: "news desk", Responsible: "editor in chief", Contact: "desk@news.example", FactsChecked: true}.
		SignOff([]byte(content), time.Unix(1795392000, 999))
	if err != nil {
		t.Fatal(err)
	}
	return &r
}

func TestDuty(t *testing.T) {
	ok := signedOff(t, article)
	spelling := *ok
	spelling.FactsChecked = false
	for name, c := range map[string]struct {
		p    Publication
		want Duty
		why  string
	}{
		"nothing declared":             {Publication{}, DutyNone, ""},
		"deep fake":                    {Publication{Deepfake: DeepfakeTrue}, DutyFull, "deep fake"},
		"deep fake, reviewed":          {Publication{Deepfake: DeepfakeTrue, PublicInterest: true, Review: ok}, DutyFull, "deep fake"},
		"artistic":                     {Publication{Deepfake: DeepfakeArtistic}, DutyLimited, "hamper"},
		"unknown kind":                 {Publication{Deepfake: "maybe"}, DutyFull, "deep fake"},
		"public interest":              {Publication{PublicInterest: true}, DutyFull, "without a review"},
		"public interest, reviewed":    {Publication{PublicInterest: true, Review: ok}, DutyNone, ""},
		"artistic, of public interest": {Publication{Deepfake: DeepfakeArtistic, PublicInterest: true}, DutyFull, "without a review"},
		"artistic, reviewed":           {Publication{Deepfake: DeepfakeArtistic, PublicInterest: true, Review: ok}, DutyLimited, "hamper"},
		"spelling looked at":           {Publication{PublicInterest: true, Review: &spelling}, DutyFull, "facts_checked"},
		"another version":              {Publication{PublicInterest: true, Review: signedOff(t, article+"More.")}, DutyFull, "have this version reviewed"},
		"a review of nothing":          {Publication{PublicInterest: true, Review: &Review{}}, DutyFull, "name the reviewer"},
	} {
		got, why := c.p.Duty([]byte(article))
		if got != c.want || !strings.Contains(why, c.why) || (why == "") != (c.want == DutyNone) {
			t.Errorf("%s: %v %q, want %v %q", name, got, why, c.want, c.why)
		}
	}
}

// The label comes back with a later edit, and goes with the next sign-off.
func TestEditBringsTheLabelBack(t *testing.T) {
	p := Publication{PublicInterest: true, Review: signedOff(t, article)}
	if got, duty := p.Publish(article, language.German); got != article || duty != DutyNone {
		t.Fatalf("%q %v", got, duty)
	}
	edited := strings.Replace(article, "Monday", "Tuesday", 1)
	if got, duty := p.Publish(edited, language.German); got != "AI – KI-generiert\n\n"+edited || duty != DutyFull {
		t.Fatalf("%q %v", got, duty)
	}
	p.Review = signedOff(t, edited)
	if got, _ := p.Publish(edited, language.German); got != edited {
		t.Fatalf("%q", got)
	}
	satire := Publication{Deepfake: DeepfakeArtistic}
	if got, duty := satire.Publish(article, language.English); got != article+"\nAI-generated\n" || duty != DutyLimited {
		t.Fatalf("%q %v", got, duty)
	}
}

func TestContentHash(t *testing.T) {
	same := []string{article, "\ufeff" + article, strings.ReplaceAll(article, "\n", "\r\n"), strings.TrimSpace(article),
		article + "\n \n", strings.ReplaceAll(article, "é", "e\u0301")}
	for _, s := range same {
		if ContentHash([]byte(s)) != ContentHash([]byte(article)) {
			t.Errorf("%q hashes differently", s)
		}
	}
	other := []string{"", " " + article, strings.ToLower(article), article + ".", strings.ReplaceAll(article, "é", "e"),
		strings.Replace(article, "\n\n", "\n", 1), article + "\xff"}
	for _, s := range other {
		if ContentHash([]byte(s)) == ContentHash([]byte(article)) {
			t.Errorf("%q hashes the same", s)
		}
	}
}

func TestAnyEditVoidsTheReview(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringMatching(`[a-z .\n]{1,80}[a-z]`).Draw(rt, "text")
		r := signedOff(t, text)
		if !r.Holds([]byte(text)) {
			rt.Fatal("does not hold for what was signed off")
		}
		i := rapid.IntRange(0, len(text)-1).Draw(rt, "at")
		edited := text[:i] + "X" + text[i+1:]
		if err := r.Covers([]byte(edited)); !errors.Is(err, ErrReview) || r.Holds([]byte(edited)) {
			rt.Fatalf("holds for %q: %v", edited, err)
		}
	})
}

func TestReviewSaysWhatIsMissing(t *testing.T) {
	for want, change := range map[string]func(*Review){
		"name the reviewer":        func(r *Review) { r.Reviewer = " " },
		"time of the sign-off":     func(r *Review) { r.Time = time.Time{} },
		"editorial responsibility": func(r *Review) { r.Responsible = "" },
		"how to reach":             func(r *Review) { r.Contact = "" },
		"facts_checked":            func(r *Review) { r.FactsChecked = false },
		"64 hexadecimal digits":    func(r *Review) { r.SHA256 = r.SHA256[2:] },
	} {
		r := *signedOff(t, article)
		change(&r)
		if err := r.Check(); !errors.Is(err, ErrReview) || !strings.Contains(err.Error(), want) || r.Holds([]byte(article)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	upper := *signedOff(t, article)
	upper.SHA256 = strings.ToUpper(upper.SHA256)
	if !upper.Holds([]byte(article)) {
		t.Error("upper-case digits are refused")
	}
	if _, err := (Review{}).SignOff([]byte(article), time.Now()); !errors.Is(err, ErrReview) {
		t.Errorf("SignOff of nobody: %v", err)
	}
}

func TestPublicationCheck(t *testing.T) {
	for want, p := range map[string]Publication{
		"choose true":         {Deepfake: "yes"},
		"set public_interest": {Review: signedOff(t, article)},
		"name the reviewer":   {PublicInterest: true, Review: &Review{}},
	} {
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for _, p := range []Publication{{}, {Deepfake: DeepfakeArtistic}, {PublicInterest: true}, {PublicInterest: true, Review: signedOff(t, article)}} {
		if err := p.Check(); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestPublicationAsDocument(t *testing.T) {
	for in, want := range map[string]Deepfake{"true": DeepfakeTrue, "artistic": DeepfakeArtistic, `"true"`: DeepfakeTrue, "false": DeepfakeNone} {
		var p Publication
		if err := yaml.Unmarshal([]byte("deepfake: "+in), &p); err != nil || p.Deepfake != want {
			t.Errorf("YAML %s: %q %v", in, p.Deepfake, err)
		}
	}
	var p Publication
	for in, want := range map[string]Deepfake{"true": DeepfakeTrue, `"artistic"`: DeepfakeArtistic, "false": DeepfakeNone} {
		if err := json.Unmarshal([]byte(`{"deepfake":`+in+`}`), &p); err != nil || p.Deepfake != want {
			t.Errorf("JSON %s: %q %v", in, p.Deepfake, err)
		}
	}
	if err := json.Unmarshal([]byte(`{"deepfake":"sometimes"}`), &p); err == nil || !strings.Contains(err.Error(), "choose") {
		t.Errorf("%v", err)
	}
	p = Publication{Deepfake: DeepfakeTrue, PublicInterest: true, Review: signedOff(t, article)}
	doc, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back Publication
	if err := json.Unmarshal(doc, &back); err != nil || *back.Review != *p.Review || back.Deepfake != p.Deepfake || !back.Review.Holds([]byte(article)) {
		t.Fatalf("%s: %+v %v", doc, back, err)
	}
}

func TestImageLabelOfADuty(t *testing.T) {
	base := VisibleLabelOptions{Badge: BadgeModified, Corner: CornerTopLeft, Size: 0.1, QR: "https://ai.example/"}
	if _, ok := DutyNone.ImageLabel(base); ok {
		t.Error("none is due")
	}
	if o, ok := DutyFull.ImageLabel(base); !ok || o != base {
		t.Errorf("full: %+v", o)
	}
	if o, ok := DutyLimited.ImageLabel(base); !ok || o.QR != "" || o.Size >= base.Size || o.Badge != BadgeModified || o.Corner != CornerTopLeft {
		t.Errorf("limited: %+v", o)
	}
	if o, _ := DutyFull.ImageLabel(VisibleLabelOptions{Badge: BadgeNone, QR: "https://ai.example/"}); o.Badge != BadgeAI {
		t.Errorf("a code alone: %+v", o)
	}
}
