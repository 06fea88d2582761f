package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark/tokenmark"
)

func TestBackend(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("730091827364\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Parse([]byte("backend: {kind: vllm, force: true, marks: [{algorithm: sbw, key_file: " + key + ", gamma: 0.25, seeding: left_hash}]}\n" +
		"routes: [{path: /fakes/*, shape: image, publication: {deepfake: true}}, {path: /stage/*, shape: image, publication: {deepfake: artistic}}]"))
	if err != nil {
		t.Fatal(err)
	}
	o := c.Options()
	if o.Backend == nil || *o.Backend != (disclose.BackendMark{Kind: disclose.BackendVLLM, Force: true}) {
		t.Errorf("backend = %+v", o.Backend)
	}
	if p := o.Routes[0].Publication; p == nil || p.Deepfake != disclose.DeepfakeTrue || o.Routes[1].Publication.Deepfake != disclose.DeepfakeArtistic {
		t.Errorf("publication = %+v", p)
	}
	profiles, err := c.Backend.Profiles()
	want := tokenmark.Profile{Scheme: tokenmark.SBW, Key: tokenmark.NewKey(730091827364), Gamma: 0.25, Seeding: tokenmark.LeftHash}
	if err != nil || len(profiles) != 1 || profiles[0] != want {
		t.Errorf("profiles = %v, %v", profiles, err)
	}
	if text, err := c.YAML(); err != nil || strings.Contains(string(text), "730091827364") {
		t.Errorf("the key shows: %v\n%s", err, text)
	}
	if err := os.WriteFile(key, []byte("secret-that-is-no-number"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Backend.Profiles(); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a file without a number: %v", err)
	}
	if Default().Options().Backend != nil {
		t.Error("requests are edited without being asked to")
	}
}

func TestBackendMistakes(t *testing.T) {
	for name, c := range map[string]struct{ yaml, want string }{
		"backend":         {"backend: {kind: vlm}", `kind "vlm", want "vllm"`},
		"backend-kind":    {"backend: {force: true}", "backend.kind: name the backend"},
		"backend-key":     {"backend: {marks: [{algorithm: gumbel}]}", "backend.marks[0].key_file: name the file"},
		"backend-mark":    {"backend: {marks: [{algorithm: gumbl, key_file: /k}]}", `backend.marks[0]: tokenmark: unusable profile: scheme "gumbl"`},
		"backend-seeding": {"backend: {marks: [{algorithm: sbw, key_file: /k, seeding: up}]}", "choose self_hash or left_hash"},
		"publication":     {"routes: [{path: /a, publication: {deepfake: maybe}}]", "choose true, artistic or false"},
		"distance":        {"text_mark: {distance: 100}", "text_mark.distance: 100 is not possible; choose 200 to 100000"},
		"route-distance":  {"routes: [{path: /a, text_mark: {distance: 199}}]", "routes[0] (/a): text_mark.distance: 199 is not possible"},
		"review":          {"routes: [{path: /a, publication: {public_interest: true, review: {reviewer: R}}}]", "publication: disclose: review does not replace the label: give the time"},
	} {
		if _, err := Parse([]byte(c.yaml)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant %q", name, err, c.want)
		}
	}
}
