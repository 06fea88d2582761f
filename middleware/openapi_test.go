package middleware

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose"
)

const (
	testURN    = "urn:c2pa:11111111-2222-4333-8444-555555555555"
	aText      = `{"text":"Hello."}`
	okFeedback = `{"report":"0102030405060708","kind":"wrong","comment":"This is my own photograph."}`
)

// withRecords has a record of testID with a manifest.
func withRecords(t testing.TB, change func(*disclose.Record)) func(*VerifyOptions) {
	return func(o *VerifyOptions) {
		m := disclose.NewMemoryRecords(10)
		r := disclose.Record{Label: disclose.Label{ID: testID}, ManifestID: testURN, Manifest: testStore(t), Outcome: disclose.OutcomeMarked}
		if change != nil {
			change(&r)
		}
		if err := m.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		o.Records = m
	}
}

func withDown(o *VerifyOptions) { o.Records = brokenRecords{} }

// bindingQuery asks for testID.
func bindingQuery() string {
	return "/avow/v1/matches/byBinding?" + url.Values{"alg": {disclose.ImageMarkAlg}, "value": {base64.StdEncoding.EncodeToString(testID[:])}}.Encode()
}

func bindingJSON() string {
	return `{"alg":"` + disclose.ImageMarkAlg + `","value":"` + base64.StdEncoding.EncodeToString(testID[:]) + `"}`
}

// twice asks once more than the limit allows.
func twice(t *testing.T, method, path, body string) *httptest.ResponseRecorder {
	a := newAsked(t, func(o *VerifyOptions) { o.Limits.PerMinute, o.Limits.Burst = 1, 1 })
	for range lookupFactor {
		a.do(method, path, strings.NewReader(body), "Content-Type", "application/json")
	}
	return a.do(method, path, strings.NewReader(body), "Content-Type", "application/json")
}

// answersBy makes, for every answer that the description has, a request that gets it.
var answersBy = map[string]func(t *testing.T, method, path string) *httptest.ResponseRecorder{
	"POST /v1/verify 200 application/json": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, nil).do(m, p, bytes.NewReader(marked(t)))
	},
	"POST /v1/verify 200 application/jose": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, nil).do(m, p, strings.NewReader(aText), "Content-Type", "application/json", "Accept", "application/jose")
	},
	"POST /v1/verify 200 text/html": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, nil).do(m, p, strings.NewReader(aText), "Content-Type", "application/json", "Accept", "text/html")
	},
	"POST /v1/verify 400": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, nil).do(m, p, strings.NewReader(`{"text":7}`), "Content-Type", "application/json")
	},
	"POST /v1/verify 401": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, nil).do(m, p, strings.NewReader("x"), "Authorization", "Bearer another")
	},
	"POST /v1/verify 403": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, nil).do(m, p, strings.NewReader(`{"url":"https://example.org/a.png"}`), "Content-Type", "application/json")
	},
	"POST /v1/verify 406": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, func(o *VerifyOptions) { o.ReportKey = nil }).do(m, p, strings.NewReader("x"), "Accept", "application/jose")
	},
	"POST /v1/verify 413": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, func(o *VerifyOptions) { o.Limits.Upload = 10 }).do(m, p, strings.NewReader(long(11)))
	},
	"POST /v1/verify 429": func(t *testing.T, m, p string) *httptest.ResponseRecorder { return twice(t, m, p, aText) },
	"POST /v1/verify 503": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		a := newAsked(t, nil)
		_ = a.uploads.Acquire(t.Context(), a.limits.Memory)
		return a.do(m, p, strings.NewReader("x"))
	},
	"GET /v1/matches/byBinding 200 application/json": func(t *testing.T, m, _ string) *httptest.ResponseRecorder {
		return newAsked(t, withRecords(t, nil)).do(m, bindingQuery(), nil)
	},
	"HEAD /v1/matches/byBinding 200": func(t *testing.T, m, _ string) *httptest.ResponseRecorder {
		return newAsked(t, withRecords(t, nil)).do(m, bindingQuery(), nil)
	},
	"GET /v1/matches/byBinding 400": func(t *testing.T, m, p string) *httptest.ResponseRecorder { return newAsked(t, nil).do(m, p, nil) },
	"GET /v1/matches/byBinding 414": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, nil).do(m, p+"?alg=a&value="+long(3000), nil)
	},
	"GET /v1/matches/byBinding 429": func(t *testing.T, m, p string) *httptest.ResponseRecorder { return twice(t, m, p, "") },
	"GET /v1/matches/byBinding 503": func(t *testing.T, m, _ string) *httptest.ResponseRecorder {
		return newAsked(t, withDown).do(m, bindingQuery(), nil)
	},
	"POST /v1/matches/byBinding 200 application/json": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, withRecords(t, nil)).do(m, p, strings.NewReader(bindingJSON()))
	},
	"POST /v1/matches/byBinding 400": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, nil).do(m, p, strings.NewReader("{"))
	},
	"POST /v1/matches/byBinding 429": func(t *testing.T, m, p string) *httptest.ResponseRecorder { return twice(t, m, p, bindingJSON()) },
	"POST /v1/matches/byBinding 503": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, withDown).do(m, p, strings.NewReader(bindingJSON()))
	},
	"POST /v1/matches/byContent 200 application/json": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, withRecords(t, nil)).do(m, p, bytes.NewReader(marked(t)))
	},
	"POST /v1/matches/byContent 400": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, nil).do(m, p+"?maxResults=0", strings.NewReader("x"))
	},
	"POST /v1/matches/byContent 401": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, nil).do(m, p, strings.NewReader("x"), "Authorization", "Bearer another")
	},
	"POST /v1/matches/byContent 403": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		a := newAsked(t, func(o *VerifyOptions) { o.TextVerifiersOnly = true })
		return a.do(m, p, strings.NewReader("Hello."), "Content-Type", "text/plain")
	},
	"POST /v1/matches/byContent 413": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, func(o *VerifyOptions) { o.Limits.Upload = 10 }).do(m, p, strings.NewReader(long(11)))
	},
	"POST /v1/matches/byContent 429": func(t *testing.T, m, p string) *httptest.ResponseRecorder { return twice(t, m, p, aText) },
	"POST /v1/matches/byContent 503": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, withDown).do(m, p, bytes.NewReader(marked(t)))
	},
	"GET /v1/manifests/{id} 200 application/c2pa": func(t *testing.T, m, _ string) *httptest.ResponseRecorder {
		return newAsked(t, withRecords(t, nil)).do(m, "/avow/v1/manifests/"+testURN, nil)
	},
	"HEAD /v1/manifests/{id} 200": func(t *testing.T, m, _ string) *httptest.ResponseRecorder {
		return newAsked(t, withRecords(t, nil)).do(m, "/avow/v1/manifests/"+testURN, nil)
	},
	"GET /v1/manifests/{id} 404":  func(t *testing.T, m, p string) *httptest.ResponseRecorder { return newAsked(t, nil).do(m, p, nil) },
	"HEAD /v1/manifests/{id} 404": func(t *testing.T, m, p string) *httptest.ResponseRecorder { return newAsked(t, nil).do(m, p, nil) },
	"GET /v1/manifests/{id} 429":  func(t *testing.T, m, p string) *httptest.ResponseRecorder { return twice(t, m, p, "") },
	"GET /v1/manifests/{id} 503": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, withDown).do(m, "/avow/v1/manifests/"+testURN, nil)
	},
	"POST /v1/feedback 202": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, nil).do(m, p, strings.NewReader(okFeedback), "Content-Type", "application/json")
	},
	"POST /v1/feedback 400": func(t *testing.T, m, p string) *httptest.ResponseRecorder {
		return newAsked(t, nil).do(m, p, strings.NewReader(`{"kind":"angry"}`), "Content-Type", "application/json")
	},
	"POST /v1/feedback 429": func(t *testing.T, m, p string) *httptest.ResponseRecorder { return twice(t, m, p, okFeedback) },
}

// An operation is one method of one path in the description.
type operation struct {
	method, path, pattern string
	responses             map[string]map[string]any
}

func operations(doc schemaDoc) (out []operation) {
	for pattern, item := range doc["paths"].(map[string]any) {
		base := "/avow"
		if strings.HasPrefix(pattern, "/.well-known/") {
			base = ""
		}
		for method, op := range item.(map[string]any) {
			if method == "servers" {
				continue
			}
			o := operation{strings.ToUpper(method), base + pattern, pattern, map[string]map[string]any{}}
			for status, r := range op.(map[string]any)["responses"].(map[string]any) {
				response := r.(map[string]any)
				if ref, ok := response["$ref"].(string); ok {
					response = doc.at(ref)
				}
				o.responses[status] = response
			}
			out = append(out, o)
		}
	}
	return out
}

func description(t *testing.T) schemaDoc {
	t.Helper()
	v, err := decoded(newAsked(t, nil).do("GET", "/avow/v1/openapi.json", nil).Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return schemaDoc(v.(map[string]any))
}

// TestEveryDescribedAnswer: whatever the description says of a path, a method, a
// status and a media type, the service does, and its body fits the schema.
func TestEveryDescribedAnswer(t *testing.T) {
	doc := description(t)
	used := map[string]bool{}
	for _, op := range operations(doc) {
		for status, response := range op.responses {
			media, _ := response["content"].(map[string]any)
			if len(media) == 0 {
				media = map[string]any{"": nil}
			}
			for kind, content := range media {
				name := op.method + " " + op.pattern + " " + status
				if kind != "" && status == "200" {
					name += " " + kind
				}
				t.Run(name, func(t *testing.T) {
					w := askFor(t, name, op, used)
					if w == nil {
						return
					}
					got, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
					if http.StatusText(w.Code) == "" || !strings.HasPrefix(name, op.method) || status != itoa(w.Code) || kind != "" && got != kind {
						t.Fatalf("answered %d %s: %.300s", w.Code, got, w.Body)
					}
					if (status == "429" || status == "503") && w.Header().Get("Retry-After") == "" {
						t.Error("no Retry-After")
					}
					checkBody(t, doc, kind, content, w.Body.Bytes())
					var p problem
					if about, _ := response["description"].(string); kind == "application/problem+json" &&
						(json.Unmarshal(w.Body.Bytes(), &p) != nil || !strings.Contains(about, strings.TrimPrefix(p.Type, problemBase))) {
						t.Errorf("%q does not name the problem %s", about, p.Type)
					}
				})
			}
		}
	}
	for name := range answersBy {
		if !used[name] {
			t.Errorf("%s is not described", name)
		}
	}
}

// askFor plays the scene of a described answer. Documents that need nothing have
// none.
func askFor(t *testing.T, name string, op operation, used map[string]bool) *httptest.ResponseRecorder {
	scene, ok := answersBy[name]
	used[name] = true
	switch {
	case ok:
		return scene(t, op.method, op.path)
	case strings.Contains(name, " 200"):
		return newAsked(t, nil).do(op.method, op.path, nil)
	}
	t.Errorf("nothing gets this answer")
	return nil
}

func checkBody(t *testing.T, doc schemaDoc, kind string, content any, body []byte) {
	t.Helper()
	if content == nil {
		return
	}
	schema := content.(map[string]any)["schema"].(map[string]any)
	var v any = string(body)
	if strings.HasSuffix(kind, "json") {
		var err error
		if v, err = decoded(body); err != nil {
			t.Fatal(err)
		}
	}
	if err := doc.check(schema, v, "body"); err != nil {
		t.Errorf("%v in %.400s", err, body)
	}
}

// TestEveryRouteIsDescribed: a path or method that is not in the description does
// not exist.
func TestEveryRouteIsDescribed(t *testing.T) {
	a := newAsked(t, nil)
	described := map[string][]string{}
	for _, op := range operations(description(t)) {
		path := strings.TrimSuffix(op.path, "{id}")
		described[path] = append(described[path], op.method)
	}
	for path, route := range a.routes {
		if strings.HasPrefix(path, "/avow/verify") {
			continue // the page, for people
		}
		for _, method := range strings.Split(route.methods, ", ") {
			if !slices.Contains(described[path], method) {
				t.Errorf("%s %s is not described", method, path)
			}
		}
	}
	for path, methods := range described {
		if !slices.Contains(a.Paths(), path) || !a.Owns(path) {
			t.Errorf("%s is described, and nothing answers there", path)
		}
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} {
			if slices.Contains(methods, method) {
				continue
			}
			w := a.do(method, path, nil)
			wantProblem(t, w, http.StatusMethodNotAllowed, "method")
			if w.Header().Get("Allow") == "" {
				t.Errorf("%s %s: no Allow", method, path)
			}
		}
	}
	if a.Owns("/avow/v1/other") || a.Owns("/") {
		t.Error("owns what it does not answer")
	}
	wantProblem(t, a.do("GET", "/avow/v1/other", nil), http.StatusNotFound, "not_found")
}

// TestDescriptionNamesItsPath: below another public path the description leads there.
func TestDescriptionNamesItsPath(t *testing.T) {
	for given, want := range map[string]string{"": "/avow", "/x/y/": "/x/y", "/": "/"} {
		a := newAsked(t, func(o *VerifyOptions) { o.PublicPath = given })
		w := a.do("GET", strings.TrimSuffix(want, "/")+"/v1/openapi.json", nil)
		var doc struct{ Servers []struct{ URL string } }
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || len(doc.Servers) != 1 || doc.Servers[0].URL != want {
			t.Errorf("%q: %v %+v", given, err, doc)
		}
	}
	for _, bad := range []string{"avow", "//evil.example", "/a?b", "https://example.org/"} {
		if _, err := NewVerifyService(VerifyOptions{Detector: newAsked(t, nil).o.Detector, PublicPath: bad}); err == nil {
			t.Errorf("public path %q is taken", bad)
		}
	}
}
