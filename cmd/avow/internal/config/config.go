// Package config reads the YAML configuration. It is strict: a key that is not
// known is an error that names the nearest one that is.
package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark/textmark"
)

// A Config is the whole configuration, with its defaults filled in.
type Config struct {
	Upstream      string   `yaml:"upstream"`
	Listen        string   `yaml:"listen"`
	Admin         string   `yaml:"admin"`
	PublicPath    string   `yaml:"public_path"`
	Profile       string   `yaml:"profile"`
	Provider      string   `yaml:"provider"`
	System        string   `yaml:"system"`
	SystemVersion string   `yaml:"system_version"`
	ModelCard     string   `yaml:"model_card"`
	Contact       string   `yaml:"contact"`
	Detector      string   `yaml:"detector"`
	All           bool     `yaml:"all"`
	Notice        Notice   `yaml:"notice"`
	Carriers      Carriers `yaml:"carriers"`
	TextMark      TextMark `yaml:"text_mark"`
	Image         Image    `yaml:"image"`
	Keys          Keys     `yaml:"keys"`
	Backend       Backend  `yaml:"backend"`
	Signer        Signer   `yaml:"signer"`
	Trust         Trust    `yaml:"trust"`
	Ledger        Ledger   `yaml:"ledger"`
	Limits        Limits   `yaml:"limits"`
	Verify        Verify   `yaml:"verify"`
	OptOut        OptOut   `yaml:"opt_out"`
	Routes        []Route  `yaml:"routes"`
}

// Notice says when and how the notice is given.
type Notice struct {
	Cadence   string            `yaml:"cadence"`
	Session   string            `yaml:"session"`
	Text      map[string]string `yaml:"text"`
	Audience  string            `yaml:"audience"`
	Principal string            `yaml:"principal"`
}

// Carriers switches carriers on and off; nil leaves a carrier as it is.
type Carriers struct {
	Header    *bool `yaml:"header,omitempty"`
	Notice    *bool `yaml:"notice,omitempty"`
	Field     *bool `yaml:"field,omitempty"`
	TextMark  *bool `yaml:"text_mark,omitempty"`
	ImageMark *bool `yaml:"image_mark,omitempty"`
	Metadata  *bool `yaml:"metadata,omitempty"`
	Manifest  *bool `yaml:"manifest,omitempty"`
}

// TextMark says how text is marked: how many characters lie between two marks.
type TextMark struct {
	Distance int `yaml:"distance"`
}

// Image says how images are marked.
type Image struct {
	Strength  float64      `yaml:"strength"`
	MaxPixels int64        `yaml:"max_pixels"`
	WebP      string       `yaml:"webp"`
	URLOnly   string       `yaml:"url_only"`
	Label     VisibleLabel `yaml:"label"`
	AIGC      AIGCLabel    `yaml:"aigc"`
}

// Keys says where the key ring is; empty means the data directory.
type Keys struct {
	File string `yaml:"file"`
}

// Signer holds the certificate chain and key of manifests.
type Signer struct {
	Chain string `yaml:"chain"`
	Key   string `yaml:"key"`
	TSA   string `yaml:"tsa"`
}

// Trust lists certificates that signers are checked against.
type Trust struct {
	Roots    []string `yaml:"roots"`
	TSARoots []string `yaml:"tsa_roots"`
}

// Ledger says where records are kept.
type Ledger struct {
	URL          string   `yaml:"url"`
	Retention    Duration `yaml:"retention"`
	Fingerprints bool     `yaml:"fingerprints"`
}

// Limits bound what one output may take.
type Limits struct {
	HeldBytes  Size `yaml:"held_bytes"`
	EventBytes Size `yaml:"event_bytes"`
	Jobs       int  `yaml:"jobs"`
	Queue      int  `yaml:"queue"`
	// DrainDelay is between "not ready" and no more requests when avow is told to
	// stop; Drain is how long answers in progress then have.
	DrainDelay Duration `yaml:"drain_delay"`
	Drain      Duration `yaml:"drain"`
}

// OptOut are signals to those who gather training data.
type OptOut struct {
	ContentUsage   string `yaml:"content_usage"`
	TDMReservation string `yaml:"tdm_reservation"`
	TDMPolicy      string `yaml:"tdm_policy"`
}

// A Route overrides what is known about some paths.
type Route struct {
	Path     string   `yaml:"path"`
	Shape    Shape    `yaml:"shape"`
	Carriers Carriers `yaml:"carriers,omitempty"`
	Require  []string `yaml:"require,omitempty"`
	Exempt   *Exempt  `yaml:"exempt,omitempty"`
	Edit     string   `yaml:"edit,omitempty"`
	Observes []string `yaml:"observes,omitempty"`
	// TextMark overrides the distance.
	TextMark TextMark `yaml:"text_mark,omitempty"`
	// Publication says which label the route's pictures and texts need.
	Publication *disclose.Publication `yaml:"publication,omitempty"`
}

// Exempt says why a route is not marked.
type Exempt struct {
	Reason string `yaml:"reason"`
	Owner  string `yaml:"owner"`
	Date   Date   `yaml:"date"`
}

// Default returns the configuration that an empty file means.
func Default() Config {
	return Config{
		Listen: ":8080", Admin: "127.0.0.1:9090", PublicPath: "/avow", Profile: "strict",
		Notice:   Notice{Cadence: "first", Audience: "general"},
		TextMark: TextMark{Distance: textmark.DefaultDistance},
		Image:    Image{Strength: 1, MaxPixels: 24_000_000, WebP: "metadata", URLOnly: "withhold"},
		Ledger:   Ledger{Retention: Duration(17520 * time.Hour), Fingerprints: true},
		Limits: Limits{HeldBytes: 32 << 20, EventBytes: 256 << 10, Queue: 64,
			DrainDelay: Duration(3 * time.Second), Drain: Duration(20 * time.Second)},
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
	var unknown *yaml.UnknownFieldError
	switch {
	case errors.As(err, &unknown):
		return Config{}, unknownKey(unknown)
	case err != nil:
		return Config{}, errors.New(strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	return c, c.Check()
}
