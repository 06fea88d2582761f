package disclose

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode"
)

// A Status says how far a carrier, or a whole input, vouches for its origin.
type Status string

// The statuses, weakest first. Invalid overrides all others.
const (
	NotChecked Status = "not_checked"
	Absent     Status = "absent"
	// Present: well formed, but anyone could have written it.
	Present Status = "present"
	// Verified: a key or a trusted signature vouches for it.
	Verified Status = "verified"
	Invalid  Status = "invalid"
)

// A Cause names why a report says what it says. The set is closed.
type Cause string

// The causes of a verdict.
const (
	CauseRecordMatches    Cause = "record_matches"
	CauseKeyMatches       Cause = "key_matches"
	CauseNoRecord         Cause = "no_record"
	CausePossibleCopy     Cause = "possible_copy"
	CauseFingerprintOnly  Cause = "fingerprint_only"
	CauseTemplateOnly     Cause = "template_only"
	CauseStatementOnly    Cause = "statement_only"
	CauseSignatureTrusted Cause = "signature_trusted"
	CauseSignatureUntrust Cause = "signature_untrusted"
	CauseTampered         Cause = "tampered"
	CauseConflictingIDs   Cause = "conflicting_ids"
	CauseRevokedKey       Cause = "revoked_key"
	CauseTooSmall         Cause = "too_small"
	CauseNothingFound     Cause = "nothing_found"
)

// Limits is the sentence that every report ends with, in English. [LimitsText]
// has it in other languages.
const Limits = "No mark found would not show that a person made this. Marks can be removed, and most AI systems do not use these."

// Transform says how a marked picture was turned since.
type Transform struct {
	RotationDeg float64 `json:"rotation_deg"`
	Scale       float64 `json:"scale"`
	Flip        bool    `json:"flip"`
}

// A Finding is what one carrier says.
type Finding struct {
	Carrier           string     `json:"carrier"`
	Status            Status     `json:"status"`
	KeyID             string     `json:"key_id,omitempty"`
	ID                string     `json:"id,omitempty"`
	IDPrefix          string     `json:"id_prefix,omitempty"` // of a text mark, whose frames hold 5 bytes of it
	Score             float64    `json:"score,omitempty"`
	FalsePositiveRate float64    `json:"false_positive_rate,omitempty"`
	Transform         *Transform `json:"transform,omitempty"`
	Coverage          float64    `json:"coverage,omitempty"`
	Detail            string     `json:"detail,omitempty"`
	coarse            string     // the detail as strangers see it; "" for all of it
	reason            Cause
	picture           bool // of a fingerprint: it is a picture's
	opened            bool // of a manifest: its content was opened from a parent
	lineage           *lineage
	system            string // the AI system that it names, see Fragment
}

// RecordStatus says what the records know about an input.
type RecordStatus struct {
	Status string `json:"status"` // match, possible_copy, not_found, not_asked, unavailable, erased
	Time   string `json:"time,omitempty"`
	System string `json:"system,omitempty"`

	recorded time.Time // when the row was written
}

// Tool names the program that made a report.
type Tool struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Template int    `json:"template"`
}

// A Report says which marks one input carries.
type Report struct {
	Input       string       `json:"input"`
	ContentType string       `json:"content_type"`
	SHA256      string       `json:"sha256"`
	Size        int64        `json:"size"`
	Verdict     Status       `json:"verdict"`
	Reason      Cause        `json:"reason"`
	Summary     string       `json:"summary"`
	Findings    []Finding    `json:"findings"`
	Record      RecordStatus `json:"record"`
	Limits      string       `json:"limits"`
	Language    string       `json:"language,omitempty"` // of Summary and Limits, see [Report.In]; empty is English
	Tool        Tool         `json:"tool"`
}

// Marked reports whether the input carries a mark and none is invalid.
func (r *Report) Marked() bool { return r.Verdict == Present || r.Verdict == Verified }

// publicFloor is the smallest rate a public answer names.
const publicFloor = 1e-6

// Public returns the report as strangers may see it: rates to a decade and not
// below 1e-6, coverage to a quarter, no score, no transform and no count of
// fingerprints. Finer answers would help to remove a mark by trial.
func (r *Report) Public() *Report {
	out := *r
	out.Findings = make([]Finding, len(r.Findings))
	for i, f := range r.Findings {
		f.Score, f.Transform = 0, nil
		f.Detail = firstOf(f.coarse, f.Detail)
		f.Coverage = math.Round(f.Coverage*4) / 4
		if f.FalsePositiveRate > 0 {
			f.FalsePositiveRate = math.Max(publicFloor, decade(f.FalsePositiveRate))
		}
		out.Findings[i] = f
	}
	return &out
}

// decade rounds a rate up to a power of ten.
func decade(rate float64) float64 { return math.Pow(10, math.Ceil(math.Log10(rate)-1e-9)) }

// WriteText writes the report for a person at a terminal.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s (%s)\n  %s\n", Printable(r.Input), r.Verdict, r.Reason, r.Summary)
	for _, f := range r.Findings {
		if f.Status == NotChecked && f.Detail == "" {
			continue
		}
		fmt.Fprintf(&b, "  %-12s %-12s %s\n", f.Carrier, f.Status, f.text())
	}
	if r.Record.Status != "not_asked" {
		fmt.Fprintf(&b, "  %-12s %-12s %s %s\n", "record", r.Record.Status, r.Record.System, r.Record.Time)
	}
	fmt.Fprintf(&b, "  %s\n", r.Limits)
	_, err := io.WriteString(w, b.String())
	return err
}

func (f Finding) text() string {
	var parts []string
	if f.ID != "" {
		parts = append(parts, "id "+f.ID)
	}
	if f.IDPrefix != "" {
		parts = append(parts, "id "+f.IDPrefix+"…")
	}
	if f.KeyID != "" {
		parts = append(parts, "key "+f.KeyID)
	}
	if f.FalsePositiveRate > 0 {
		parts = append(parts, "false alarm: fewer than "+oneIn(f.FalsePositiveRate)+" "+f.inputs())
	}
	if f.Coverage > 0 {
		parts = append(parts, f.covered())
	}
	if f.Detail != "" {
		parts = append(parts, Printable(f.Detail))
	}
	return strings.Join(parts, ", ")
}

// covered says how much of the input a finding speaks of.
func (f Finding) covered() string {
	switch fingerprint := f.Carrier == CarrierFingerprint.String(); {
	case fingerprint && f.picture:
		return fmt.Sprintf("%.0f %% of the recorded picture", 100*f.Coverage)
	case fingerprint || f.Carrier == CarrierTextMark.String():
		return fmt.Sprintf("%.0f %% of the fingerprints", 100*f.Coverage)
	}
	return fmt.Sprintf("seen in %.0f %% of the area", 100*f.Coverage)
}

// inputs is what the false alarms of a carrier are counted in.
func (f Finding) inputs() string {
	switch {
	case f.Carrier == CarrierImageMark.String():
		return "unmarked images"
	case f.picture:
		return "other pictures"
	case f.Carrier == CarrierFingerprint.String():
		return "other texts"
	}
	return "unmarked texts"
}

func oneIn(rate float64) string {
	n := int(math.Round(-math.Log10(decade(rate))))
	names := map[int]string{2: "1 in 100", 3: "1 in 1,000", 4: "1 in 10,000", 5: "1 in 100,000", 6: "1 in a million", 9: "1 in a billion", 12: "1 in a trillion"}
	switch {
	case n > 12:
		return names[12]
	case names[n] != "":
		return names[n]
	}
	return fmt.Sprintf("1 in 10^%d", n)
}

const maxShown = 256 // runes of a foreign text that are shown

// Printable makes a foreign text safe to show: control characters and those
// that change the writing direction are escaped, long texts are cut.
func Printable(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		if n++; n > maxShown {
			b.WriteString("…")
			break
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			fmt.Fprintf(&b, "\\u%04x", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func recordTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
