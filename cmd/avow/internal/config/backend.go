package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark/tokenmark"
)

// Backend is the inference server behind the routes of text, and the mark that
// it puts in while it samples.
type Backend struct {
	Kind        string      `yaml:"kind" enum:"|vllm|sglang|tgi" doc:"Which server; empty leaves requests as they are."`
	Force       bool        `yaml:"force,omitempty" doc:"Replace settings that leave the mark nothing to choose from, and so change answers."`
	Temperature float64     `yaml:"temperature,omitempty" doc:"Temperature that force sets."`
	Greedy      bool        `yaml:"greedy,omitempty" doc:"Leave greedy sampling alone."`
	TokenIDs    bool        `yaml:"token_ids,omitempty" doc:"Ask for token ids; answers then hold them."`
	Marks       []TokenMark `yaml:"marks,omitempty" doc:"What the token ids of saved answers are tested for."`
}

// A TokenMark is how the backend is configured to mark, for verification; zero
// values mean vLLM's defaults. The key is in a file of its own.
type TokenMark struct {
	Algorithm    string  `yaml:"algorithm" doc:"The backend's algorithm, such as gumbel."`
	KeyFile      string  `yaml:"key_file" doc:"File that holds the backend's key, a number."`
	ContextWidth int     `yaml:"context_width,omitempty" doc:"Tokens that seed the next one."`
	Alpha        float64 `yaml:"alpha,omitempty" doc:"Share of the mark in a mixture."`
	Seeding      string  `yaml:"seeding,omitempty" enum:"self_hash|left_hash" doc:"What the seed is made of."`
	Gamma        float64 `yaml:"gamma,omitempty" doc:"Share of green tokens."`
}

// mark is what requests are edited for; nil leaves them alone.
func (b Backend) mark() *disclose.BackendMark {
	if b.Kind == "" {
		return nil
	}
	return &disclose.BackendMark{Kind: disclose.BackendKind(b.Kind), Force: b.Force, Temperature: b.Temperature,
		Greedy: b.Greedy, TokenIDs: b.TokenIDs}
}

// check says what is wrong without reading key files.
func (b Backend) check() (errs []error) {
	if m := b.mark(); m != nil {
		if err := m.Check(); err != nil {
			errs = append(errs, fmt.Errorf("backend: %w", err))
		}
	} else if b.Force || b.Greedy || b.TokenIDs || b.Temperature != 0 {
		errs = append(errs, errors.New("backend.kind: name the backend whose mark is to be switched on: vllm, sglang or tgi"))
	}
	for i, m := range b.Marks {
		if _, err := m.profile(tokenmark.NewKey(0)); err != nil {
			errs = append(errs, fmt.Errorf("backend.marks[%d]: %w", i, err))
		}
		if m.KeyFile == "" {
			errs = append(errs, fmt.Errorf("backend.marks[%d].key_file: name the file that holds the backend's key, a number", i))
		}
	}
	return errs
}

// Profiles reads the key files and returns what token ids are tested for.
func (b Backend) Profiles() ([]tokenmark.Profile, error) {
	profiles := make([]tokenmark.Profile, len(b.Marks))
	for i, m := range b.Marks {
		key, err := readKey(m.KeyFile)
		if err == nil {
			profiles[i], err = m.profile(key)
		}
		if err != nil {
			return nil, fmt.Errorf("backend.marks[%d]: %w", i, err)
		}
	}
	return profiles, nil
}

// maxKeyFile bounds a key file, in bytes.
const maxKeyFile = 256

func readKey(path string) (tokenmark.Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return tokenmark.Key{}, err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return tokenmark.Key{}, err
	}
	key, err := tokenmark.ParseKey(strings.TrimSpace(string(text)))
	if err != nil {
		return key, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

var seedings = map[string]tokenmark.Seeding{"": tokenmark.SelfHash, "self_hash": tokenmark.SelfHash, "left_hash": tokenmark.LeftHash}

func (m TokenMark) profile(key tokenmark.Key) (tokenmark.Profile, error) {
	scheme, err := tokenmark.ParseScheme(m.Algorithm)
	if err != nil {
		return tokenmark.Profile{}, err
	}
	seeding, ok := seedings[m.Seeding]
	if !ok {
		return tokenmark.Profile{}, fmt.Errorf("seeding: %.32q is not possible; choose self_hash or left_hash", m.Seeding)
	}
	p := tokenmark.Profile{Scheme: scheme, Key: key, ContextWidth: m.ContextWidth, Alpha: m.Alpha, Seeding: seeding, Gamma: m.Gamma}
	_, err = tokenmark.Detect(nil, p)
	return p, err
}
