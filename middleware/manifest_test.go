package middleware

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/c2pa"
	"github.com/avowai/avow/disclose/c2pa/validate"
)

// newTestSigner signs with a certificate made for the test, under an anchor.
func newTestSigner(t testing.TB) (*c2pa.Signer, *x509.Certificate) {
	t.Helper()
	root, leaf, key, err := c2pa.NewDevelopment(time.Now(), "Example GmbH")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := c2pa.LoadSigner(leaf, key)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(root)
	anchor, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return signer, anchor
}

func fetch(t *testing.T, method, address string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(`{"messages":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

// TestManifestBesideAnAnswer: the Link header leads to a manifest that holds for
// the bytes that came.
func TestManifestBesideAnAnswer(t *testing.T) {
	signer, anchor := newTestSigner(t)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: [DONE]\n\n")
	}))
	defer upstream.Close()
	target, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := NewProxy(target, Options{Disclose: disclose.Options{
		System: "assistant", Records: disclose.NewMemoryRecords(10),
		Provenance: &disclose.Provenance{Signer: signer, Manifests: &url.URL{Path: "/avow/v1/manifests/"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(proxy)
	defer server.Close()
	get := func(method, path string) (*http.Response, []byte) { return fetch(t, method, server.URL+path) }
	answer, body := get(http.MethodPost, chatPath)
	path := "/avow/v1/manifests/" + answer.Header.Get("Avow-Id")
	if !strings.Contains(strings.Join(answer.Header["Link"], " "), "<"+path+`>; rel="c2pa-manifest"`) {
		t.Fatalf("Link = %v", answer.Header["Link"])
	}
	resp, store := get(http.MethodGet, path)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/c2pa" {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	r, err := validate.Detached(t.Context(), store, body, validate.Options{Anchors: []*x509.Certificate{anchor}})
	if err != nil || r.State != validate.Trusted {
		t.Fatalf("%v %v %+v", err, r.State, r.Statuses)
	}
	for path, status := range map[string]int{"/avow/v1/manifests/0123456789abcdef": 404, "/avow/v1/manifests/x": 404} {
		if resp, _ := get(http.MethodGet, path); resp.StatusCode != status || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	if resp, _ := get(http.MethodPost, path); resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %s", resp.Status)
	}
}
