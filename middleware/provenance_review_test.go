package middleware

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose"
)

// BenchmarkManifestsOn is an answer and a stream with manifests beside them, and
// without: the signature waits until it is asked for.
func BenchmarkManifestsOn(b *testing.B) {
	signer, _ := newTestSigner(b)
	stream := strings.Repeat(event("word "), 200) + "data: [DONE]\n\n"
	for name, p := range map[string]*disclose.Provenance{
		"off": nil, "on": {Signer: signer, Manifests: &url.URL{Path: "/avow/v1/manifests/"}},
	} {
		o := testOptions(disclose.Strict)
		o.Disclose.Records, o.Disclose.Provenance = disclose.NewMemoryRecords(0), p
		mw, err := New(o)
		if err != nil {
			b.Fatal(err)
		}
		for kind, h := range map[string]http.Handler{"json": typed("application/json", longAnswer), "stream": typed("text/event-stream", stream)} {
			handler := mw(h)
			b.Run(kind+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					r := httptest.NewRequest("POST", chatPath, strings.NewReader(chatAsk))
					r.Header.Set("Content-Type", "application/json")
					handler.ServeHTTP(httptest.NewRecorder(), r)
				}
			})
		}
	}
}

// TestWhereManifestsAreServed: an address at the root of another host leaves the
// backend's paths alone, and one without a slash at its end means the same as with.
func TestWhereManifestsAreServed(t *testing.T) {
	signer, _ := newTestSigner(t)
	upstream := httptest.NewServer(typed("application/json", longAnswer))
	defer upstream.Close()
	target, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"https://manifests.example/", "/avow/v1/manifests"} {
		at, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		o := testOptions(disclose.Strict)
		o.Disclose.Records, o.Disclose.Provenance = disclose.NewMemoryRecords(0), &disclose.Provenance{Signer: signer, Manifests: at}
		proxy, err := NewProxy(target, o)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(proxy)
		answer, _ := fetch(t, http.MethodPost, server.URL+chatPath)
		id := answer.Header.Get("Avow-Id")
		link := strings.Join(answer.Header["Link"], ", ")
		if answer.StatusCode != http.StatusOK || !strings.Contains(link, "<"+strings.TrimSuffix(address, "/")+"/"+id+`>; rel="c2pa-manifest"`) {
			t.Errorf("%s: %d, %s", address, answer.StatusCode, link)
		}
		if head, _ := fetch(t, http.MethodHead, server.URL+chatPath); strings.Contains(strings.Join(head.Header["Link"], ""), "c2pa-manifest") {
			t.Errorf("%s: HEAD names a manifest that never will be: %s", address, head.Header["Link"])
		}
		if at.Host == "" {
			if manifest, _ := fetch(t, http.MethodGet, server.URL+"/avow/v1/manifests/"+id); manifest.StatusCode != http.StatusOK {
				t.Errorf("%s: manifest %d", address, manifest.StatusCode)
			}
		}
		server.Close()
	}
}

// TestRequiredCarriersAreThere: what a route requires and nothing attaches was
// left out of every answer unseen.
func TestRequiredCarriersAreThere(t *testing.T) {
	signer, _ := newTestSigner(t)
	for name, c := range map[string]struct {
		provenance *disclose.Provenance
		require    disclose.Carrier
		ok         bool
	}{
		"manifest without signer": {nil, disclose.CarrierManifest, false},
		"manifest":                {&disclose.Provenance{Signer: signer}, disclose.CarrierManifest, true},
		"image mark without key":  {nil, disclose.CarrierImageMark, false},
		"metadata":                {nil, disclose.CarrierMetadata, true},
	} {
		o := testOptions(disclose.Strict)
		o.Disclose.Provenance = c.provenance
		o.Routes = []Route{{Path: "/x", Require: disclose.NewCarrierSet(c.require)}}
		if _, err := New(o); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoManifestOfAnAbortedAnswer: half an answer is never signed as a whole.
func TestNoManifestOfAnAbortedAnswer(t *testing.T) {
	signer, _ := newTestSigner(t)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, event("Hello"))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer upstream.Close()
	target, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions(disclose.Strict)
	o.Disclose.Records = disclose.NewMemoryRecords(0)
	o.Disclose.Provenance = &disclose.Provenance{Signer: signer, Manifests: &url.URL{Path: "/avow/v1/manifests/"}}
	proxy, err := NewProxy(target, o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(proxy)
	defer server.Close()
	resp, err := http.Post(server.URL+chatPath, "application/json", strings.NewReader(chatAsk))
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	id := resp.Header.Get("Avow-Id")
	if err == nil || id == "" {
		t.Fatalf("not aborted: %v, id %q", err, id)
	}
	if manifest, body := fetch(t, http.MethodGet, server.URL+"/avow/v1/manifests/"+id); manifest.StatusCode != http.StatusNotFound {
		t.Errorf("%d, %d bytes", manifest.StatusCode, len(body))
	}
}
