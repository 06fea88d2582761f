package disclose

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/language"
)

// fragmentReport is a report with one finding beside the absent ones.
func fragmentReport(verdict Status, cause Cause, found ...Finding) *Report {
	r := &Report{Verdict: verdict, Reason: cause, Summary: SummaryText(language.English, cause), Limits: Limits, Record: RecordStatus{Status: "not_asked"}}
	for _, c := range Carriers() {
		f := Finding{Carrier: c.String(), Status: Absent}
		for _, given := range found {
			if given.Carrier == f.Carrier {
				f = given
			}
		}
		r.Findings = append(r.Findings, f)
	}
	return r
}

func fragmentOf(t *testing.T, r *Report, o FragmentOptions) string {
	t.Helper()
	out, err := Fragment(r, o)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestFragmentGolden compares with the files of testdata/fragment, which
// docs/page.md shows.
func TestFragmentGolden(t *testing.T) {
	recorded := fragmentReport(Verified, CauseRecordMatches, Finding{Carrier: "image_mark", Status: Verified, KeyID: "k-1a2b3c4d"},
		Finding{Carrier: "manifest", Status: Verified, system: "from the manifest"})
	recorded.Record = RecordStatus{Status: "match", Time: "2026-11-20T09:12:00Z", System: "assistant 1.4"}
	for name, c := range map[string]struct {
		r *Report
		o FragmentOptions
	}{
		"found":   {recorded, FragmentOptions{Inspect: "https://ai.example.com/avow/verify"}},
		"none":    {fragmentReport(Absent, CauseNothingFound), FragmentOptions{}},
		"invalid": {fragmentReport(Invalid, CauseTampered, Finding{Carrier: "manifest", Status: Invalid, system: "somebody's"}), FragmentOptions{Style: true}},
	} {
		path := filepath.Join("testdata", "fragment", name+".html")
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := fragmentOf(t, c.r, c.o); got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

// TestFragmentInTheGuide: the guide shows what is made.
func TestFragmentInTheGuide(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join("..", "docs", "page.md"))
	if err != nil {
		t.Fatal(err)
	}
	made, err := os.ReadFile(filepath.Join("testdata", "fragment", "found.html"))
	if err != nil || !strings.Contains(string(guide), string(made)) {
		t.Errorf("docs/page.md shows another fragment (%v)", err)
	}
}

// FuzzFragment: whatever a file says, it adds no element and no attribute.
func FuzzFragment(f *testing.F) {
	for _, seed := range []string{"assistant", `"><script>`, "</bdi><img onerror=x>", "a\u202eb", "{{.W}}", "javascript:x", "\x00\xff", "&#60;b&#62;"} {
		f.Add(seed, seed, uint8(len(seed)))
	}
	f.Fuzz(func(t *testing.T, name, address string, lang uint8) {
		tag := Languages()[int(lang)%len(Languages())]
		r := fragmentReport(Present, CauseStatementOnly, Finding{Carrier: "metadata", Status: Present, system: "x" + name})
		plain := fragmentReport(Present, CauseStatementOnly, Finding{Carrier: "metadata", Status: Present, system: "x"})
		got, err := Fragment(r, FragmentOptions{Language: tag, Inspect: "x" + address, Style: true})
		want, err2 := Fragment(plain, FragmentOptions{Language: tag, Inspect: "x", Style: true})
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		for _, c := range []string{"<", ">", `"`, "'"} {
			if strings.Count(string(got), c) != strings.Count(string(want), c) {
				t.Errorf("%q changes the number of %s:\n%s", name, c, got)
			}
		}
	})
}

func TestFragmentSaysWhatIsKnown(t *testing.T) {
	for name, c := range map[string]struct {
		r    *Report
		says []string
	}{
		"untrusted": {fragmentReport(Present, CauseSignatureUntrust, Finding{Carrier: "manifest", Status: Present, system: "imager 2"}),
			[]string{"<dd>Found</dd>", "<bdi>imager 2</bdi>", "signer not on a trust list"}},
		"metadata alone": {fragmentReport(Present, CauseStatementOnly, Finding{Carrier: "metadata", Status: Present, system: "imager 3"}),
			[]string{"<dd>Found</dd>", "<bdi>imager 3</bdi>", "<dt>Signatures</dt><dd>None found</dd>"}},
		"a copy keeps its record's name to itself": {func() *Report {
			r := fragmentReport(Present, CausePossibleCopy, Finding{Carrier: "image_mark", Status: Verified})
			r.Record = RecordStatus{Status: "possible_copy", System: "assistant"}
			return r
		}(), []string{"<bdi>Not named</bdi>", "does not match"}},
		"too small": {fragmentReport(NotChecked, CauseTooSmall, Finding{Carrier: "manifest", Status: NotChecked}),
			[]string{"avow-origin-unknown", "<dd>Cannot be told</dd>", "<dd>Not looked for</dd>", "would not show that a person made this"}},
	} {
		got := fragmentOf(t, c.r, FragmentOptions{})
		for _, want := range c.says {
			if !strings.Contains(got, want) {
				t.Errorf("%s: not said: %q in\n%s", name, want, got)
			}
		}
		for _, never := range []string{"erified", "authentic", "fake", " style=", "<script", "<style", "<a "} {
			if strings.Contains(got, never) {
				t.Errorf("%s: holds %q:\n%s", name, never, got)
			}
		}
	}
}

// TestFragmentOfMetadata takes the name from a file.
func TestFragmentOfMetadata(t *testing.T) {
	only := NewCarrierSet(CarrierHeader, CarrierMetadata)
	m := newTestMarker(t, func(o *Options) { o.System, o.Carriers = "painter", &only })
	out, _, err := mark(t, m, Output{ContentType: "image/png", Shape: ShapeImage}, string(testPNG(t, 64, 64, 1)), 0)
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDetector(DetectorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Inspect(context.Background(), strings.NewReader(out), Source{})
	if err != nil {
		t.Fatal(err)
	}
	if got := fragmentOf(t, r.Public(), FragmentOptions{}); !strings.Contains(got, "<bdi>painter</bdi>") {
		t.Error(got)
	}
}

func TestFragmentIsSafe(t *testing.T) {
	for _, bad := range []string{`"><script>alert(1)</script>`, "javascript:alert(1)", "a\u202eb", "</style><img src=x onerror=alert(1)>", strings.Repeat("W", 1000)} {
		r := fragmentReport(Present, CauseStatementOnly, Finding{Carrier: "metadata", Status: Present, system: bad, Detail: bad})
		r.Summary = bad
		got := fragmentOf(t, r, FragmentOptions{Inspect: bad, Style: true})
		for _, never := range []string{"<script", "<img", `href="javascript:`, "\u202e", `onerror=alert(1)>"`} {
			if strings.Contains(got, never) {
				t.Errorf("%q comes out as %q:\n%s", bad, never, got)
			}
		}
		if name := regexp.MustCompile(`<bdi>(.*)</bdi>`).FindStringSubmatch(got); name == nil || len(name[1]) > 400 {
			t.Errorf("%q: name %v", bad, name)
		}
	}
}

// TestFragmentWords: every word in every language.
func TestFragmentWords(t *testing.T) {
	lines := strings.Split(strings.TrimRight(fragmentTSV, "\n"), "\n")
	head := strings.Split(lines[0], "\t")
	if len(head)-1 != len(Languages()) {
		t.Errorf("%d languages, want %d", len(head)-1, len(Languages()))
	}
	for _, lang := range head[1:] {
		if !slices.Contains(Languages(), language.Make(lang)) {
			t.Errorf("%s has no notice", lang)
		}
	}
	for _, line := range lines[1:] {
		f := strings.Split(line, "\t")
		if len(f) != len(head) || slices.Contains(f, "") {
			t.Errorf("%q has %d columns, want %d", f[0], len(f), len(head))
		}
	}
	if got := fragmentOf(t, fragmentReport(Absent, CauseNothingFound), FragmentOptions{Language: language.French}); !strings.Contains(got, `lang="fr" dir="ltr"`) ||
		!strings.Contains(got, "<dt>Signatures</dt><dd>Aucune trouvée</dd>") || !strings.Contains(got, SummaryText(language.French, CauseNothingFound)) {
		t.Error(got)
	}
	if got := fragmentOf(t, fragmentReport(Absent, CauseNothingFound), FragmentOptions{Language: language.Japanese}); !strings.Contains(got, `lang="en" dir="ltr"`) {
		t.Errorf("a language without words: %s", got)
	}
}
