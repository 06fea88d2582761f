package middleware

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"math/bits"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/internal/attack"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/internal/pixels"
)

// fixedKeys makes hashes the same in every run.
func (g *groups) fixedKeys(now time.Time) *groupKeys {
	keys := g.keysAt(now)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range keys.signs {
		keys.signs[i] = rng.Uint64()
	}
	return keys
}

// version is the marked picture with a little noise, different for every seed.
func version(t *testing.T, seed uint64) []byte {
	t.Helper()
	img, err := pixels.Decode(marked(t), pixels.PNG)
	if err != nil {
		t.Fatal(err)
	}
	data, err := pixels.EncodePNG(attack.Noise(2, seed)(img))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestNearDuplicates: of a picture twenty versions get an answer within a day,
// whoever asks; the same bytes, other pictures and verifiers do not count.
func TestNearDuplicates(t *testing.T) {
	a := newAsked(t, func(o *VerifyOptions) { o.Limits = VerifyLimits{PerMinute: -1, PerGroup: 5} })
	a.groups.fixedKeys(a.at)
	for i := range 5 {
		from := fmt.Sprintf("192.0.2.%d", i)
		a.report(a.verify(version(t, uint64(i)), "From", from))
		a.report(a.verify(version(t, uint64(i)), "From", from))
	}
	w := a.verify(version(t, 99), "From", "198.51.100.1")
	wantProblem(t, w, http.StatusTooManyRequests, "near_duplicates")
	if w.Header().Get("Retry-After") != "86400" {
		t.Errorf("Retry-After %s", w.Header().Get("Retry-After"))
	}
	wantProblem(t, a.do("POST", "/avow/v1/matches/byContent", strings.NewReader(string(version(t, 98)))), http.StatusTooManyRequests, "near_duplicates")
	a.report(a.verify(version(t, 0)))
	a.report(a.verify(version(t, 97), "Authorization", "Bearer "+verifierToken))
	other, err := pixels.EncodePNG(corpus.Made(512, 512, 8))
	if err != nil {
		t.Fatal(err)
	}
	a.report(a.verify(other))
	a.at = a.at.Add(24 * time.Hour)
	a.report(a.verify(version(t, 99)))
}

// TestNearDuplicatesOfTexts: as of pictures; case, invisible characters and
// punctuation make no other text.
func TestNearDuplicatesOfTexts(t *testing.T) {
	a := newAsked(t, func(o *VerifyOptions) { o.Limits = VerifyLimits{PerMinute: -1, PerGroup: 4} })
	story := strings.Repeat("The lighthouse keeper counted ships until the fog had swallowed the last of them. Then he lit the lamp. ", 4)
	versions := []string{story, strings.ToUpper(story), strings.ReplaceAll(story, "lighthouse", "light\u200bhouse"), strings.ReplaceAll(story, ".", " -")}
	for _, v := range versions {
		a.report(a.verify([]byte(v), "Content-Type", "text/plain"))
	}
	wantProblem(t, a.verify([]byte(story+"."), "Content-Type", "text/plain"), http.StatusTooManyRequests, "near_duplicates")
	a.report(a.verify([]byte(story), "Content-Type", "text/plain"))
	a.report(a.verify([]byte("Another text, about the price of bread in a small town by the river."), "Content-Type", "text/plain"))
	for i := range 10 {
		a.report(a.verify([]byte(fmt.Sprintf("word%d", i)), "Content-Type", "text/plain"))
	}
}

// TestPaddingMakesNoOtherText: what no person reads around an answer's text, or a
// page's, does not begin a new group.
func TestPaddingMakesNoOtherText(t *testing.T) {
	story := strings.Repeat("The lighthouse keeper counted ships until the fog had swallowed the last of them. Then he lit the lamp. ", 4)
	for name, c := range map[string]struct{ kind, before, after string }{
		"an answer": {"application/json", `{"choices":[{"message":{"role":"assistant","content":"` + story + `"}}],"x":"`, `"}`},
		"a page":    {"text/html", "<!doctype html><html><body><p>" + story + "</p><!-- ", " --></body></html>"},
	} {
		a := newAsked(t, func(o *VerifyOptions) { o.Limits = VerifyLimits{PerMinute: -1, PerGroup: 3} })
		padded := func(i int) []byte {
			var b strings.Builder
			for n := range 500 {
				fmt.Fprintf(&b, "word%dx%d ", i, n)
			}
			return []byte(c.before + b.String() + c.after)
		}
		for i := range 3 {
			a.report(a.verify(padded(i), "Content-Type", c.kind))
		}
		a.report(a.verify(padded(0), "Content-Type", c.kind))
		t.Run(name, func(t *testing.T) {
			wantProblem(t, a.verify(padded(3), "Content-Type", c.kind), http.StatusTooManyRequests, "near_duplicates")
		})
	}
}

// TestLooksAlike: what a picture goes through on its way keeps it in its group;
// other pictures have groups of their own.
func TestLooksAlike(t *testing.T) {
	keys := newGroups(1).fixedKeys(time.Now())
	pictures := map[string]image.Image{}
	for seed := range uint64(6) {
		pictures[fmt.Sprint(seed)] = corpus.Made(300, 200+int(seed)*20, seed)
	}
	distance := func(a, b image.Image) int {
		x, least := keys.look(lowOf(a)), 64
		for _, y := range keys.looks(lowOf(b)) {
			least = min(least, bits.OnesCount64(x^y))
		}
		return least
	}
	for name, img := range pictures {
		for edit, f := range map[string]attack.Func{"noise": attack.Noise(4, 1), "jpeg": attack.JPEG(40), "half": attack.Resize(0.5, 0.5), "blur": attack.Blur(2), "gamma": attack.Gamma(1.1),
			"mirror": attack.Mirror, "quarter": attack.Quarter, "both": attack.Chain(attack.Quarter, attack.Mirror)} {
			if d := distance(img, f(img)); d > groupBits {
				t.Errorf("%s, %s: %d bits differ", name, edit, d)
			}
		}
		for other, b := range pictures {
			if d := distance(img, b); other != name && d <= groupBits {
				t.Errorf("%s and %s: %d bits differ", name, other, d)
			}
		}
	}
	for _, odd := range []image.Image{image.NewNRGBA(image.Rect(-7, -7, -6, -6)), image.NewGray(image.Rect(0, 0, 1, 9)), image.NewRGBA(image.Rectangle{})} {
		keys.look(lowOf(odd))
	}
}

// TestGroupsAreBounded: what is remembered is no more than maxGroups.
func TestGroupsAreBounded(t *testing.T) {
	g, now := newGroups(1), time.Now()
	g.keysAt(now)
	for i := range maxGroups + 5 {
		hash := uint64(i+1) * 0x9E3779B97F4A7C15 // far apart
		if err := g.admit(ofPicture, []uint64{hash}, hash, now); err != nil && i < 3 {
			t.Fatal(err)
		}
	}
	if len(g.ring) > maxGroups {
		t.Errorf("%d groups", len(g.ring))
	}
	g.keysAt(now.Add(secretLife))
	if len(g.ring) != 0 {
		t.Errorf("%d groups a day later", len(g.ring))
	}
}

// TestAFloodKeepsFullGroups: unrelated questions push out groups of one, not one
// that an attack has filled.
func TestAFloodKeepsFullGroups(t *testing.T) {
	g, now := newGroups(2), time.Now()
	g.keysAt(now)
	for i := range uint64(2) {
		if err := g.admit(ofPicture, []uint64{0}, i, now); err != nil {
			t.Fatal(err)
		}
	}
	for i := range maxGroups + 5 {
		hash := uint64(i+1) * 0x9E3779B97F4A7C15 // far apart
		_ = g.admit(ofText, []uint64{hash}, hash, now.Add(time.Second))
	}
	if err := g.admit(ofPicture, []uint64{0}, 99, now); err == nil || len(g.ring) > maxGroups {
		t.Errorf("%v with %d groups", err, len(g.ring))
	}
}

// TestPicturesOfOneAnswerCount: sixteen versions in one question are not one.
func TestPicturesOfOneAnswerCount(t *testing.T) {
	a := newAsked(t, func(o *VerifyOptions) { o.Limits = VerifyLimits{PerMinute: -1, PerGroup: 3} })
	a.groups.fixedKeys(a.at)
	plain, err := pixels.Decode(unmarked(t), pixels.PNG)
	if err != nil {
		t.Fatal(err)
	}
	answer := func(n int) string {
		var images []string
		for i := range n {
			data, err := pixels.EncodePNG(attack.Noise(2, uint64(i))(plain))
			if err != nil {
				t.Fatal(err)
			}
			images = append(images, `{"b64_json":"`+base64.StdEncoding.EncodeToString(data)+`"}`)
		}
		return `{"created":1,"data":[` + strings.Join(images, ",") + `]}`
	}
	wantProblem(t, a.verify([]byte(answer(4)), "Content-Type", "application/json"), http.StatusTooManyRequests, "near_duplicates")
	b := newAsked(t, func(o *VerifyOptions) { o.Limits = VerifyLimits{PerMinute: -1, PerGroup: 3} })
	b.groups.fixedKeys(b.at)
	for range 2 { // the same bytes again are free
		b.report(b.verify([]byte(answer(3)), "Content-Type", "application/json"))
	}
}

// TestStrangersMeetADitheredLimit: a stranger's picture is inspected with a bucket
// that its versions share; a verifier's without.
func TestStrangersMeetADitheredLimit(t *testing.T) {
	a := newAsked(t, nil)
	img, err := pixels.Decode(unmarked(t), pixels.PNG)
	if err != nil {
		t.Fatal(err)
	}
	q := &question{data: unmarked(t)}
	if _, err := a.look(t.Context(), q, true); err != nil || q.source.Gate != nil {
		t.Errorf("a verifier's question has a gate, %v", err)
	}
	if _, err := a.look(t.Context(), q, false); err != nil || q.source.Gate == nil {
		t.Fatalf("a stranger's question has no gate, %v", err)
	}
	bucket, err := q.source.Gate(img)
	again, _ := q.source.Gate(attack.Noise(2, 1)(img))
	other, _ := q.source.Gate(corpus.Made(512, 512, 99))
	if err != nil || len(bucket) == 0 || !bytes.Equal(bucket, again) || bytes.Equal(bucket, other) {
		t.Errorf("buckets %x %x %x, %v", bucket, again, other, err)
	}
}
