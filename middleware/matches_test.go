package middleware

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/jumbf"
)

// found are the manifests in an answer.
func found(t *testing.T, w *httptest.ResponseRecorder) (ids []string) {
	t.Helper()
	var out matches
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %v %s", w.Code, err, w.Body)
	}
	for _, m := range out.Matches {
		ids = append(ids, m.ManifestID)
	}
	return ids
}

// TestMatches: from a binding, or from the picture that holds it, to the manifest.
func TestMatches(t *testing.T) {
	a := newAsked(t, withRecords(t, nil))
	query := func(alg, value, rest string) string {
		return "/avow/v1/matches/byBinding?" + url.Values{"alg": {alg}, "value": {value}}.Encode() + rest
	}
	std := base64.StdEncoding.EncodeToString(testID[:])
	for name, path := range map[string]string{
		"base64": query(disclose.ImageMarkAlg, std, ""), "unpadded": query(disclose.ImageMarkAlg, strings.TrimRight(std, "="), ""),
		"URL": query(disclose.ImageMarkAlg, base64.URLEncoding.EncodeToString(testID[:]), "&maxResults=100"),
	} {
		if ids := found(t, a.do("GET", path, nil)); len(ids) != 1 || ids[0] != testURN {
			t.Errorf("%s: %v", name, ids)
		}
	}
	for name, path := range map[string]string{
		"unknown value": query(disclose.ImageMarkAlg, base64.StdEncoding.EncodeToString(make([]byte, 8)), ""),
		"another alg":   query("com.example.other.1", "AAAAAAAAAAAAAAAAAAAAAA==", ""),
	} {
		if ids := found(t, a.do("GET", path, nil)); len(ids) != 0 {
			t.Errorf("%s: %v", name, ids)
		}
	}
	for name, path := range map[string]string{
		"no value": query(disclose.ImageMarkAlg, "", ""), "no alg": query("", std, ""), "no base64": query(disclose.ImageMarkAlg, "%%%", ""),
		"short": query(disclose.ImageMarkAlg, "AAAA", ""), "no results": query(disclose.ImageMarkAlg, std, "&maxResults=0"),
		"too many results": query(disclose.ImageMarkAlg, std, "&maxResults=101"), "not a number": query(disclose.ImageMarkAlg, std, "&maxResults=x"),
	} {
		t.Run(name, func(t *testing.T) { wantProblem(t, a.do("GET", path, nil), http.StatusBadRequest, "bad_binding") })
	}
	if ids := found(t, a.do("POST", "/avow/v1/matches/byContent", bytes.NewReader(marked(t)))); len(ids) != 1 || ids[0] != testURN {
		t.Errorf("content: %v", ids)
	}
	if ids := found(t, a.do("POST", "/avow/v1/matches/byContent", bytes.NewReader(unmarked(t)))); len(ids) != 0 {
		t.Errorf("content without a mark: %v", ids)
	}
	if ids := found(t, newAsked(t, nil).do("GET", bindingQuery(), nil)); len(ids) != 0 {
		t.Errorf("without records: %v", ids)
	}
}

// TestContentIDs: ids that anybody could have written lead nowhere, and how similar
// a content is, is told where it was compared.
func TestContentIDs(t *testing.T) {
	report := func(c disclose.Carrier, s disclose.Status, score float64) *disclose.Report {
		return &disclose.Report{Findings: []disclose.Finding{{Carrier: c.String(), Status: s, ID: testID.String(), Score: score}}}
	}
	for name, c := range map[string]struct {
		report *disclose.Report
		n      int
		score  int
	}{
		"mark":         {report(disclose.CarrierImageMark, disclose.Verified, 20), 1, 0},
		"revoked mark": {report(disclose.CarrierImageMark, disclose.Present, 20), 0, 0},
		"header":       {report(disclose.CarrierHeader, disclose.Present, 0), 0, 0},
		"metadata":     {report(disclose.CarrierMetadata, disclose.Present, 0), 0, 0},
		"fingerprint":  {report(disclose.CarrierFingerprint, disclose.Present, 0.914), 1, 91},
	} {
		ids, scores := contentIDs(c.report)
		if len(ids) != c.n || scores[testID] != c.score {
			t.Errorf("%s: %v %v", name, ids, scores)
		}
	}
}

// TestContentWithoutRecords: where records cannot be asked, nothing found is no
// answer.
func TestContentWithoutRecords(t *testing.T) {
	a := newAsked(t, func(o *VerifyOptions) {
		d, err := disclose.NewDetector(disclose.DetectorOptions{Keys: []disclose.VerifyKey{{Key: markedKey(t)}}, Records: brokenRecords{}})
		if err != nil {
			t.Fatal(err)
		}
		o.Detector = d
	})
	wantProblem(t, a.do("POST", "/avow/v1/matches/byContent", bytes.NewReader(marked(t))), http.StatusServiceUnavailable, "records_down")
}

// TestManifests: by label or id, encoded or not, whole or the active one alone; not
// of what was erased or never arrived.
func TestManifests(t *testing.T) {
	a := newAsked(t, withRecords(t, nil))
	store := testStore(t)
	for _, name := range []string{testURN, url.PathEscape(testURN), strings.ReplaceAll(testURN, ":", "%3A"), testID.String()} {
		w := a.do("GET", "/avow/v1/manifests/"+name, nil)
		if w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), store) || w.Header().Get("Content-Type") != "application/c2pa" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
	w := a.do("GET", "/avow/v1/manifests/"+testURN+"?returnActiveManifest=true", nil)
	box, err := jumbf.Parse(w.Body.Bytes())
	if err != nil || box.Label != "c2pa" || len(box.Children) != 1 || box.Children[0].Label != testURN {
		t.Errorf("active manifest: %v %+v", err, box)
	}
	if w := a.do("HEAD", "/avow/v1/manifests/"+testURN, nil); w.Body.Len() != 0 || w.Header().Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d bytes, %v", w.Body.Len(), w.Header())
	}
	for _, name := range []string{"", "x", "urn:c2pa:unknown", "0123456789abcdef", "../../etc/passwd", "urn:" + long(300), testURN + "/x"} {
		wantProblem(t, a.do("GET", "/avow/v1/manifests/"+name, nil), http.StatusNotFound, "manifest")
	}
	for name, change := range map[string]func(*disclose.Record){
		"erased":   func(r *disclose.Record) { r.Erased = true },
		"aborted":  func(r *disclose.Record) { r.Outcome = disclose.OutcomeAborted },
		"withheld": func(r *disclose.Record) { r.Outcome = disclose.OutcomeWithheld },
	} {
		a := newAsked(t, withRecords(t, change))
		if ids := found(t, a.do("GET", bindingQuery(), nil)); len(ids) != 0 {
			t.Errorf("%s: %v", name, ids)
		}
		wantProblem(t, a.do("GET", "/avow/v1/manifests/"+testID.String(), nil), http.StatusNotFound, "manifest")
	}
	broken := newAsked(t, withRecords(t, func(r *disclose.Record) { r.Manifest = []byte("no box") }))
	wantProblem(t, broken.do("GET", "/avow/v1/manifests/"+testURN+"?returnActiveManifest=true", nil), http.StatusServiceUnavailable, "manifest")
}

// TestAlgorithms: what is resolved here is the image mark.
func TestAlgorithms(t *testing.T) {
	body := newAsked(t, nil).do("GET", "/avow/v1/services/supportedAlgorithms", nil).Body.String()
	if !strings.Contains(body, disclose.ImageMarkAlg) {
		t.Error(body)
	}
	a := newAsked(t, func(o *VerifyOptions) { o.WellKnown = &disclose.WellKnown{Detector: "https://ai.example/avow/verify"} })
	if body := a.do("GET", "/.well-known/c2pa-soft-binding-resolution", nil).Body.String(); !strings.Contains(body, `"https://ai.example/avow/v1"`) {
		t.Error(body)
	}
	if rep := a.report(a.verify([]byte("Hello."))); rep.Feedback != "https://ai.example/avow/v1/feedback" {
		t.Error(rep.Feedback)
	}
}
