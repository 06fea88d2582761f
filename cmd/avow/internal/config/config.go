// Package config reads the YAML configuration. It is strict: a key that is not
// known is an error that names the nearest one that is.
package config

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark/textmark"
)

// A Config is the whole configuration, with its defaults filled in.
//
// Each field's tag doc says what its key does. The JSON Schema ([Schema]) is made of
// these tags, and Check goes by enum (values with | between them) and range (two values
// with .. between them), so that there is one place for each.
type Config struct {
	Upstream      string   `yaml:"upstream" doc:"URL of the AI backend, such as http://127.0.0.1:11434."`
	Listen        string   `yaml:"listen" doc:"Public address. Changes at the next start."`
	Admin         string   `yaml:"admin" doc:"Address of metrics and health; keep it away from strangers. Changes at the next start."`
	PublicPath    string   `yaml:"public_path" doc:"Where the public pages are; empty switches them off."`
	Profile       string   `yaml:"profile" enum:"strict|standard" doc:"What happens when an output cannot be marked: strict withholds it, standard sends what could be marked and says what is missing."`
	Provider      string   `yaml:"provider" doc:"Who offers the AI system; goes into every label."`
	System        string   `yaml:"system" doc:"The AI system's name."`
	SystemVersion string   `yaml:"system_version" doc:"The AI system's version; a number needs quotes."`
	ModelCard     string   `yaml:"model_card" doc:"URL of the model card, linked from the well-known document."`
	Contact       string   `yaml:"contact" doc:"Contact in the well-known document, such as mailto:ai@example.org."`
	Detector      string   `yaml:"detector" doc:"Address of the verification page, named in fields and metadata."`
	All           bool     `yaml:"all" doc:"Every answer is AI output, not those of AI endpoints and declared routes alone."`
	Notice        Notice   `yaml:"notice" doc:"The sentence that people read."`
	Carriers      Carriers `yaml:"carriers" doc:"Ways of attaching a label, on or off."`
	TextMark      TextMark `yaml:"text_mark" doc:"How text is marked."`
	Image         Image    `yaml:"image" doc:"How images are marked."`
	Keys          Keys     `yaml:"keys" doc:"The key ring."`
	Backend       Backend  `yaml:"backend" doc:"The inference server behind the routes of text, and the mark that it puts in itself."`
	Signer        Signer   `yaml:"signer" doc:"What manifests are signed with; a development certificate unless given."`
	Trust         Trust    `yaml:"trust" doc:"Certificates that signers are checked against."`
	Ledger        Ledger   `yaml:"ledger" doc:"Where records are kept. URL and retention change at the next start."`
	Limits        Limits   `yaml:"limits" doc:"What one output, and one client, may take."`
	Verify        Verify   `yaml:"verify" doc:"The verification service."`
	OptOut        OptOut   `yaml:"opt_out" doc:"Signals to those who gather training data."`
	Routes        []Route  `yaml:"routes" doc:"What is different on some paths; the first that fits counts."`
}

// Notice says when and how the notice is given.
type Notice struct {
	Cadence   string            `yaml:"cadence" enum:"first|always|3h|7d|on_demand" doc:"In which answers of a conversation, beside its first, the notice is given."`
	Session   string            `yaml:"session" doc:"What tells conversations apart: header:NAME or cookie:NAME."`
	Text      map[string]string `yaml:"text" doc:"Texts of your own by language; each has to name an AI system and to say that one interacts with it."`
	Audience  string            `yaml:"audience" enum:"general|plain|minors" doc:"Who the built-in texts are written for."`
	Principal string            `yaml:"principal" doc:"On whose behalf an agent acts."`
}

// Carriers switches carriers on and off; nil leaves a carrier as it is.
type Carriers struct {
	Header    *bool `yaml:"header,omitempty" doc:"The header AI-Disclosure; cannot be switched off."`
	Notice    *bool `yaml:"notice,omitempty" doc:"The sentence before the first generated word."`
	Field     *bool `yaml:"field,omitempty" doc:"The JSON member ai_disclosure."`
	TextMark  *bool `yaml:"text_mark,omitempty" doc:"Invisible marks in text."`
	ImageMark *bool `yaml:"image_mark,omitempty" doc:"The watermark in pixels."`
	Metadata  *bool `yaml:"metadata,omitempty" doc:"XMP in images, and the like."`
	Manifest  *bool `yaml:"manifest,omitempty" doc:"Signed C2PA manifests."`
}

// TextMark says how text is marked: how many characters lie between two marks.
type TextMark struct {
	Distance int `yaml:"distance" range:"200..100000" doc:"Characters between two text marks."`
}

// Image says how images are marked.
type Image struct {
	Strength  float64      `yaml:"strength" doc:"Strength of the watermark, more than 0 and at most 4."`
	MaxPixels int64        `yaml:"max_pixels" range:"1..100000000" doc:"Larger images are not decoded."`
	WebP      string       `yaml:"webp" enum:"metadata|png" doc:"What becomes of lossy WebP: metadata alone, or marked and delivered as PNG."`
	URLOnly   string       `yaml:"url_only" enum:"withhold|pass" doc:"What becomes of images given by their address alone under strict."`
	Label     VisibleLabel `yaml:"label" doc:"A visible label on pictures."`
	AIGC      AIGCLabel    `yaml:"aigc" doc:"China's implicit label in pictures."`
}

// Keys says where the key ring is; empty means the data directory.
type Keys struct {
	File string `yaml:"file" doc:"The key ring; keys.json in the data directory unless given."`
}

// Signer holds the certificate chain and key of manifests.
type Signer struct {
	Chain string `yaml:"chain" doc:"PEM file of the certificate and its issuers."`
	Key   string `yaml:"key" doc:"PEM file of the key, which nobody else may be able to read."`
	TSA   string `yaml:"tsa" doc:"URL of a time stamping authority (RFC 3161)."`
}

// Trust lists certificates that signers are checked against.
type Trust struct {
	Roots    []string `yaml:"roots" doc:"PEM files of anchors for signers of manifests."`
	TSARoots []string `yaml:"tsa_roots" doc:"PEM files of anchors for time stamps."`
}

// Ledger says where records are kept.
type Ledger struct {
	URL          string   `yaml:"url" doc:"Empty for ledger.db in the data directory, postgres://… for a database, off for none."`
	URLFile      string   `yaml:"url_file,omitempty" doc:"File that holds the URL, in place of url, so that no password stands in this file."`
	Retention    Duration `yaml:"retention" doc:"How long records are kept."`
	Fingerprints bool     `yaml:"fingerprints" doc:"Whether records hold fingerprints of what was made."`
}

// Limits bound what one output, and one client, may take.
type Limits struct {
	HeldBytes    Size     `yaml:"held_bytes" range:"1KiB..256MiB" doc:"Of an answer that is held until it is marked."`
	EventBytes   Size     `yaml:"event_bytes" range:"1KiB..4MiB" doc:"Of one event of a stream."`
	Jobs         int      `yaml:"jobs" range:"0..1024" doc:"Images marked at one time; 0 means the number of cores."`
	Queue        int      `yaml:"queue" range:"1..65536" doc:"Images waiting for their turn."`
	Idle         Duration `yaml:"idle" range:"1s..10m" doc:"How long a client may stand still while it sends or takes something."`
	MinRate      Size     `yaml:"min_rate" range:"0..1MiB" doc:"Bytes a second that a client has to send or take while it keeps others waiting; 0 means no minimum."`
	FirstByte    Duration `yaml:"first_byte" range:"1s..1h" doc:"How long the upstream may think before its answer begins."`
	UpstreamIdle Duration `yaml:"upstream_idle" range:"1s..1h" doc:"How long the upstream's answer may stand still."`
	DrainDelay   Duration `yaml:"drain_delay" range:"0s..5m" doc:"How long requests are still taken after avow was told to stop and says that it is not ready."`
	Drain        Duration `yaml:"drain" range:"0s..24h" doc:"How long answers in progress get then, before they are cut."`
}

// OptOut are signals to those who gather training data.
type OptOut struct {
	ContentUsage   string `yaml:"content_usage" doc:"Content-Usage of AI answers, such as train-ai=n."`
	TDMReservation string `yaml:"tdm_reservation" also:"integer" doc:"tdm-reservation, 0 or 1."`
	TDMPolicy      string `yaml:"tdm_policy" doc:"URL of a policy for text and data mining."`
}

// A Route overrides what is known about some paths.
type Route struct {
	Path     string      `yaml:"path" doc:"Path; a * at its end stands for any rest."`
	Shape    Shape       `yaml:"shape" doc:"What the answers look like: a name, or the JSON pointers to texts and images."`
	Profile  string      `yaml:"profile,omitempty" enum:"strict|standard" doc:"Decides here in place of the global profile."`
	Notice   RouteNotice `yaml:"notice,omitempty" doc:"The notice on this route: on, off, or a cadence of its own."`
	Carriers Carriers    `yaml:"carriers,omitempty" doc:"Switches carriers off on this route."`
	Require  []string    `yaml:"require,omitempty" doc:"Carriers without which an answer is withheld."`
	Exempt   *Exempt     `yaml:"exempt,omitempty" doc:"Lets the route pass unmarked, for a reason that somebody owns."`
	Edit     string      `yaml:"edit,omitempty" enum:"standard|substantial" doc:"The route edits what a person made: assistive standard editing, or more."`
	Observes []string    `yaml:"observes,omitempty" doc:"What the AI system observes in people."`
	// TextMark overrides the distance.
	TextMark TextMark `yaml:"text_mark,omitempty" doc:"How text is marked here."`
	// Publication says which label the route's pictures and texts need.
	Publication *disclose.Publication `yaml:"publication,omitempty" doc:"Which label the route's pictures and texts need as published works."`
}

// Exempt says why a route is not marked.
type Exempt struct {
	Reason string `yaml:"reason" doc:"Why."`
	Owner  string `yaml:"owner" doc:"Who decided so."`
	Date   Date   `yaml:"date" doc:"When."`
}

// Default returns the configuration that an empty file means.
func Default() Config {
	return Config{
		Listen: ":8080", Admin: "127.0.0.1:9090", PublicPath: "/avow", Profile: "strict",
		Notice:   Notice{Cadence: "first", Audience: "general"},
		TextMark: TextMark{Distance: textmark.DefaultDistance},
		Image:    Image{Strength: 1, MaxPixels: 24_000_000, WebP: "metadata", URLOnly: "withhold"},
		Ledger:   Ledger{Retention: Duration(17520 * time.Hour), Fingerprints: true},
		Limits: Limits{HeldBytes: 32 << 20, EventBytes: 256 << 10, Queue: 64, Idle: Duration(time.Minute), MinRate: 100,
			FirstByte: Duration(time.Minute), UpstreamIdle: Duration(2 * time.Minute), DrainDelay: Duration(3 * time.Second), Drain: Duration(20 * time.Second)},
		Verify: defaultVerify(),
	}
}

// maxFile bounds a configuration file, in bytes.
const maxFile = 1 << 20

// Load reads a file over the defaults.
func Load(path string) (Config, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Config{}, err
	}
	if info.Size() > maxFile {
		return Config{}, fmt.Errorf("%s: larger than %d bytes", path, maxFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, err
	}
	c, err := Parse(data)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Parse reads YAML over the defaults and checks it.
func Parse(data []byte) (c Config, err error) {
	defer func() {
		if r := recover(); r != nil { // a parser of foreign text
			c, err = Config{}, fmt.Errorf("not YAML that can be read: %v", r)
		}
	}()
	c = Default()
	if strings.TrimSpace(string(data)) == "" {
		return c, nil
	}
	err = yaml.UnmarshalWithOptions(data, &c, yaml.Strict())
	if err != nil {
		return Config{}, unreadable(err)
	}
	return c, withLines(c.Check(), data)
}
