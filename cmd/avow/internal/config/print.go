package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"

	"github.com/goccy/go-yaml"
)

// redacted is the configuration without user names, passwords and queries inside
// URLs.
func (c Config) redacted() Config {
	c.Upstream, c.Signer, c.Ledger = redact(c.Upstream), c.Signer.redacted(), c.Ledger.redacted()
	return c
}

func (s Signer) redacted() Signer {
	s.TSA = redact(s.TSA)
	return s
}

func (l Ledger) redacted() Ledger {
	l.URL = redact(l.URL)
	return l
}

func redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(not a URL)"
	}
	if u.User != nil {
		u.User = url.User("redacted")
	}
	if u.RawQuery != "" {
		u.RawQuery = "redacted" // database URLs carry passwords here too
	}
	return u.String()
}

// YAML writes the effective configuration, without user names, passwords and
// queries inside URLs.
func (c Config) YAML() ([]byte, error) { return yaml.Marshal(c.redacted()) }

// Types without methods print all that they hold.
type (
	plainConfig Config
	plainSigner Signer
	plainLedger Ledger
)

// Format prints the configuration without secrets, for every verb.
func (c Config) Format(f fmt.State, _ rune) {
	text, err := c.YAML()
	if err != nil {
		text = []byte("config.Config")
	}
	_, _ = f.Write(text)
}

// Format prints the signer without secrets, for every verb.
func (s Signer) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "%+v", plainSigner(s.redacted())) }

// Format prints the ledger without secrets, for every verb.
func (l Ledger) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "%+v", plainLedger(l.redacted())) }

// LogValue is the configuration without secrets.
func (c Config) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// LogValue is the signer without secrets.
func (s Signer) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }

// LogValue is the ledger without secrets.
func (l Ledger) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(l)) }

// MarshalJSON writes the configuration without secrets.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(plainConfig(c.redacted())) }

// MarshalJSON writes the signer without secrets.
func (s Signer) MarshalJSON() ([]byte, error) { return json.Marshal(plainSigner(s.redacted())) }

// MarshalJSON writes the ledger without secrets.
func (l Ledger) MarshalJSON() ([]byte, error) { return json.Marshal(plainLedger(l.redacted())) }
