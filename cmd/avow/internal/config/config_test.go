package config

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/middleware"
	"github.com/avowai/avow/watermark"
)

// full is every key of the documented configuration.
const full = `
upstream: http://127.0.0.1:11434
listen: ":8080"
admin: "127.0.0.1:9090"
public_path: /avow
profile: standard
provider: Example GmbH
system: assistant
system_version: "1.4"
model_card: https://example.org/card
detector: https://example.org/avow/verify
notice: {cadence: 3h, session: "cookie:chat", text: {en: "You are talking to an AI system."}, audience: minors, principal: "Example GmbH"}
carriers: {header: true, notice: true, field: false, text_mark: true, image_mark: true, metadata: true, manifest: true}
image: {strength: 1.5, max_pixels: 1000000, webp: png, url_only: pass, label: off, aigc: {producer: "00123"}}
keys: {file: "/etc/avow/keys.json"}
signer: {chain: "", key: "", tsa: ""}
trust: {roots: [], tsa_roots: []}
ledger: {url: "", retention: 17520h, fingerprints: true}
limits: {held_bytes: 16MiB, event_bytes: 128KiB, jobs: 2, queue: 8}
opt_out: {content_usage: "train-ai=n", tdm_reservation: 1, tdm_policy: "https://example.org/tdm.json"}
routes:
  - {path: "/v1/tools/*", exempt: {reason: "machine to machine", owner: "operations", date: 2026-11-23}}
  - {path: "/images/*", shape: image, carriers: {notice: false}, require: [image_mark, metadata]}
  - {path: "/my/api", shape: {text: ["/answer"], images: ["/pictures/*/data"]}, carriers: {text_mark: false}}
  - {path: "/call-centre", observes: [emotion_recognition, biometric_categorisation]}
  - {path: "/spelling", edit: standard}
  - {path: "/rewrite", edit: substantial}
`

func TestEveryDocumentedKeyIsRead(t *testing.T) {
	c, err := Parse([]byte(full))
	if err != nil {
		t.Fatal(err)
	}
	o := c.Options()
	d := o.Disclose
	if d.Profile != disclose.Standard || d.Provider != "Example GmbH" || d.Version != "1.4" || d.Strength != 1.5 ||
		d.MaxHeld != 16<<20 || d.MaxEvent != 128<<10 || d.Jobs != 2 || d.Queue != 8 || d.MaxPixels != 1_000_000 || !d.PassURLOnly || d.WebP != disclose.WebPToPNG {
		t.Errorf("options %+v", d)
	}
	if d.Carriers.Has(disclose.CarrierField) || !d.Carriers.Has(disclose.CarrierImageMark) {
		t.Errorf("carriers %v", d.Carriers.List())
	}
	if e := o.Routes[0].Exempt; e == nil || e.Owner != "operations" || !e.Date.Equal(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("exemption %+v", e)
	}
	r := o.Routes[1]
	if r.Shape != disclose.ShapeImage || r.Carriers.Has(disclose.CarrierNotice) || r.Require != disclose.NewCarrierSet(disclose.CarrierImageMark, disclose.CarrierMetadata) {
		t.Errorf("route %+v", r)
	}
	if got := c.Routes[2].Shape; !reflect.DeepEqual(got.Images, []string{"/pictures/*/data"}) || o.Routes[2].Pointers == nil || o.Routes[2].Carriers.Has(disclose.CarrierTextMark) {
		t.Errorf("own shape %+v, route %+v", got, o.Routes[2])
	}
	if o.Notice != (middleware.Notice{Cadence: middleware.Cadence3h, Session: "cookie:chat"}) || d.Principal != "Example GmbH" || d.Audience != disclose.AudienceMinors {
		t.Errorf("notice %+v, principal %q, audience %q", o.Notice, d.Principal, d.Audience)
	}
	if o.Routes[3].Observes != disclose.NoticeEmotion|disclose.NoticeBiometric || o.Routes[4].Edit != middleware.EditStandard || o.Routes[5].Edit != middleware.EditSubstantial {
		t.Errorf("routes %+v", o.Routes[3:])
	}
	if d.AIGC == nil || d.AIGC.Producer != "00123" || d.Detector.String() != "https://example.org/avow/verify" ||
		d.OptOut != (disclose.OptOut{ContentUsage: "train-ai=n", TDMReservation: "1", TDMPolicy: "https://example.org/tdm.json"}) {
		t.Errorf("AIGC %+v, detector %v, opt-out %+v", d.AIGC, d.Detector, d.OptOut)
	}
	key, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	o.Disclose.Key = key
	if _, err := middleware.New(o); err != nil {
		t.Errorf("what is checked is refused: %v", err)
	}
}

func TestTextMarkIsSwitched(t *testing.T) {
	for yaml, want := range map[string]bool{"": true, "carriers: {text_mark: false}": false, "carriers: {text_mark: true, notice: false}": true} {
		c, err := Parse([]byte(yaml))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Options().Disclose.Carriers.Has(disclose.CarrierTextMark); got != want {
			t.Errorf("%q: text mark %v, want %v", yaml, got, want)
		}
	}
}

func TestShownConfigurationIsRead(t *testing.T) {
	c, err := Parse([]byte(full))
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if second, _ := again.YAML(); string(second) != string(text) {
		t.Errorf("shown twice:\n%s\nthen:\n%s", text, second)
	}
}

func TestMistakes(t *testing.T) {
	for name, c := range map[string]struct{ yaml, want string }{
		"unknown-key":      {"upsteam: x", `line 1: no key is called "upsteam"; did you mean "upstream"?`},
		"unknown-deep":     {"image:\n  strenght: 1", `line 2: no key is called "strenght"; did you mean "strength"?`},
		"unknown-in-route": {"routes:\n  - path: /a\n    exemp: {}", `did you mean "exempt"?`},
		"twice":            {"listen: a\nlisten: b", "listen"},
		"profile":          {"profile: lax", "profile: \"lax\" is not possible"},
		"upstream":         {"upstream: 127.0.0.1:80", "upstream: has to be a URL"},
		"upstream-scheme":  {"upstream: ftp://host/", "upstream: has to be a URL"},
		"held-zero":        {"limits: {held_bytes: 0}", "limits.held_bytes"},
		"held-negative":    {"limits: {held_bytes: -1}", "is no size"},
		"held-large":       {"limits: {held_bytes: 257MiB}", "limits.held_bytes"},
		"held-overflow":    {"limits: {held_bytes: 9999999999999GiB}", "is no size"},
		"event-large":      {"limits: {event_bytes: 5MiB}", "limits.event_bytes"},
		"pixels-large":     {"image: {max_pixels: 100000001}", "image.max_pixels"},
		"strength":         {"image: {strength: 0}", "image.strength"},
		"strength-nan":     {"image: {strength: .nan}", "image.strength"},
		"duration":         {"ledger: {retention: two years}", "is no duration"},
		"no retention":     {"ledger: {retention: 0s}", "ledger.retention"},
		"ledger url":       {"ledger: {url: \"mysql://db\"}", "ledger.url"},
		"header-off":       {"carriers: {header: false}", "carriers.header"},
		"notice-language":  {`notice: {text: {"!": x}}`, "not a language"},
		"notice-text":      {"notice: {text: {en: 'Welcome to our website.'}}", "must name an AI system"},
		"notice-sense":     {"notice: {text: {en: 'This page has an AI assistant.'}}", "must say that one interacts with it"},
		"audience":         {"notice: {audience: children}", "notice.audience: \"children\" is not possible; choose one of general, plain, minors"},
		"cadence":          {"notice: {cadence: weekly}", "notice.cadence: \"weekly\" is not possible"},
		"session":          {"notice: {session: chat}", `notice.session: session has to be "header:NAME" or "cookie:NAME"`},
		"principal":        {`notice: {principal: "a\nb"}`, "notice.principal: must be one line"},
		"edit":             {"routes: [{path: /a, edit: light}]", "routes[0] (/a): edit: \"light\" is not possible; choose standard"},
		"edit-require":     {"routes: [{path: /a, edit: standard, require: [notice]}]", "routes[0] (/a): edit: standard passes answers unmarked"},
		"observes":         {"routes: [{path: /a, observes: [emotions_recognition]}]", `routes[0] (/a): observes: nothing is called "emotions_recognition"; did you mean "emotion_recognition"?`},
		"observes-image":   {"routes: [{path: /a, shape: image, observes: [emotion_recognition]}]", "routes[0] (/a): observes: needs answers with a text"},
		"observes-twice":   {"routes: [{path: /a, observes: [emotion_recognition, emotion_recognition]}]", "observes: name each notice once"},
		"pointer":          {"routes: [{path: /a, shape: {text: [answer]}}]", "routes[0] (/a): shape: not a JSON pointer to a member"},
		"pointer-twice":    {"routes: [{path: /a, shape: {text: [/x, /x]}}]", `"/x" is there twice; write it as`},
		"exempt-blank":     {"routes: [{path: /a, exempt: {reason: ' ', owner: o, date: 2026-11-23}}]", "exempt needs reason, owner and date"},
		"exempt-owner":     {"routes: [{path: /a, exempt: {reason: r, date: 2026-11-23}}]", "exempt needs reason, owner and date"},
		"exempt-reason":    {"routes: [{path: /a, exempt: {owner: o, date: 2026-11-23}}]", "exempt needs reason, owner and date"},
		"exempt-date":      {"routes: [{path: /a, exempt: {reason: r, owner: o}}]", "exempt needs reason, owner and date"},
		"exempt-no-day":    {"routes: [{path: /a, exempt: {reason: r, owner: o, date: tomorrow}}]", "is no date"},
		"shape":            {"routes: [{path: /a, shape: imag}]", `did you mean "image"?`},
		"require":          {"routes: [{path: /a, require: [image-mark]}]", `did you mean "image_mark"?`},
		"path":             {"routes: [{path: a}]", "path has to start with /"},
		"path-star":        {"routes: [{path: '/a*b/*'}]", "may end with one *"},
		"public-path":      {"public_path: avow", "public_path"},
		"not-yaml":         {"a: [", ""},
		"a-list":           {"- 1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(c.yaml))
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %q", err, c.want)
			}
		})
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]Size{"32MiB": 32 << 20, "256 KiB": 256 << 10, "1GiB": 1 << 30, "17B": 17, "1024": 1024} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%q = %d, %v; want %d", text, s, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{full, "", "a: b", "routes: [{path: /a, shape: {text: [/x]}}]", "x: &a [*a]", "image: {strength: .inf}", "limits: {held_bytes: 1GiB}", "? : -"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data)
		if err != nil {
			return
		}
		if err := c.Check(); err != nil {
			t.Fatalf("accepted what Check refuses: %v", err)
		}
		if _, err := c.YAML(); err != nil {
			t.Fatal(err)
		}
		c.Options()
	})
}
