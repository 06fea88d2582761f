package disclose

import (
	"net/url"
	"strings"
	"testing"
)

func TestInspectHTML(t *testing.T) {
	const ld = `<script type="application/ld+json">`
	for name, c := range map[string]struct {
		page             string
		notice, metadata Status
		detail           string
	}{
		"nothing":            {"<!doctype html><body>x", Absent, Absent, ""},
		"notice":             {"<!doctype html><body>" + englishDiv, Present, Absent, ""},
		"notice, styled":     {`<!doctype html><div style="display:none" class="avow-notice">` + englishNotice + `</div>`, Absent, Absent, ""},
		"notice, hidden":     {`<!doctype html><div hidden class="avow-notice">` + englishNotice + `</div>`, Absent, Absent, ""},
		"notice, other text": {`<!doctype html><div class="avow-notice">Hi</div>`, Absent, Absent, ""},
		"notice, attributes": {`<!doctype html><div class='x avow-notice' id=a> ` + strings.Replace(englishNotice, "an", "a&#110;", 1) + "\n</div>", Present, Absent, ""},
		"in a comment":       {"<!doctype html><!--" + englishDiv + `<meta name="ai-disclosure" content="autonomous">-->`, Absent, Absent, ""},
		"in a script":        {"<!doctype html><script>'" + englishDiv + "'</script>", Absent, Absent, ""},
		"in a title":         {"<!doctype html><title>" + englishDiv + "</title>", Absent, Absent, ""},
		"meta":               {`<!doctype html><META NAME=AI-Disclosure CONTENT=AI-Generated>`, Absent, Present, "meta ai-disclosure=ai-generated"},
		"meta says none":     {`<!doctype html><meta name="ai-disclosure" content="none">`, Absent, Absent, "meta ai-disclosure=none"},
		"meta says nonsense": {`<!doctype html><meta name="ai-disclosure" content="perhaps">`, Absent, Absent, "meta ai-disclosure=perhaps"},
		"schema.org term":    {"<!doctype html>" + ld + `{"digitalSourceType":"https://schema.org/TrainedAlgorithmicMediaDigitalSource"}</script>`, Absent, Present, "JSON-LD TrainedAlgorithmicMediaDigitalSource"},
		"IPTC term, graph":   {"<!doctype html>" + ld + `{"@graph":[{},{"digitalSourceType":{"@id":"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"}}]}</script>`, Absent, Present, "JSON-LD trainedAlgorithmicMedia"},
		"human term":         {"<!doctype html>" + ld + `[{"digitalSourceType":"https://schema.org/DigitalCaptureDigitalSource"}]</script>`, Absent, Absent, ""},
		"no JSON":            {"<!doctype html>" + ld + `trainedAlgorithmicMedia</script>`, Absent, Absent, ""},
		"other script":       {`<!doctype html><script type="text/plain">{"digitalSourceType":"trainedAlgorithmicMedia"}</script>`, Absent, Absent, ""},
	} {
		r := mustInspect(t, DetectorOptions{}, []byte(c.page), Source{ContentType: "text/html"})
		n, m := finding(r, CarrierNotice), finding(r, CarrierMetadata)
		if n.Status != c.notice || m.Status != c.metadata || m.Detail != c.detail {
			t.Errorf("%s: notice %v, metadata %v %q; want %v, %v %q", name, n.Status, m.Status, m.Detail, c.notice, c.metadata, c.detail)
		}
	}
}

// What is written is read back, with the id, whichever composition it speaks of.
func TestInspectMarkedPages(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Detector = &url.URL{Scheme: "https", Host: "example.org", Path: "/avow/verify"} })
	for source, want := range map[DigitalSourceType]string{
		"":                                   "meta ai-disclosure=autonomous JSON-LD TrainedAlgorithmicMediaDigitalSource assistant 1.4",
		CompositeWithTrainedAlgorithmicMedia: "meta ai-disclosure=ai-assisted JSON-LD CompositeWithTrainedAlgorithmicMediaDigitalSource assistant 1.4",
		"http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia": "meta ai-disclosure=autonomous JSON-LD algorithmicMedia assistant 1.4",
	} {
		for name, page := range pages {
			out := pageOutput
			out.Label.Source = source
			got, _, err := mark(t, m, out, expand(page, "", ""), 0)
			if err != nil || !strings.Contains(got, `"usageInfo":"https://example.org/avow/verify"`) {
				t.Fatalf("%s: %v %q", name, err, got)
			}
			f := finding(mustInspect(t, DetectorOptions{}, []byte(got), Source{ContentType: "text/html"}), CarrierMetadata)
			if f.Status != Present || f.ID != testID.String() || f.Detail != want {
				t.Errorf("%s %s: %+v, want %q", source, name, f, want)
			}
		}
	}
}

// Each of the two layers is found without the other.
func TestInspectHTMLLayers(t *testing.T) {
	m := newTestMarker(t, nil)
	both, _, _ := mark(t, m, pageOutput, "<!doctype html><html><head></head><body>x</body></html>", 0)
	for name, c := range map[string]struct {
		cut  string
		want [2]Status
	}{
		"both":          {"", [2]Status{Present, Present}},
		"notice gone":   {englishDiv, [2]Status{Absent, Present}},
		"metadata gone": {headSplice(m), [2]Status{Present, Absent}},
	} {
		r := mustInspect(t, DetectorOptions{}, []byte(strings.Replace(both, c.cut, "", 1)), Source{ContentType: "text/html"})
		if got := [2]Status{finding(r, CarrierNotice).Status, finding(r, CarrierMetadata).Status}; got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
