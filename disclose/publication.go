package disclose

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// A Publication is what a deployer says about one work that it publishes. From
// it follows which label people have to see (Article 50(4) of Regulation (EU)
// 2024/1689). Nothing here looks at the work: whether a picture shows what never
// was, or a text informs the public, only its publisher can say.
type Publication struct {
	// Deepfake says whether the work is a deep fake (Article 3(60)).
	Deepfake Deepfake `json:"deepfake,omitempty" yaml:"deepfake,omitempty"`
	// PublicInterest: the text informs the public on matters of public interest.
	PublicInterest bool `json:"public_interest,omitempty" yaml:"public_interest,omitempty"`
	// Review of a text of public interest; nil where there was none.
	Review *Review `json:"review,omitempty" yaml:"review,omitempty"`
}

// Deepfake says whether a work is a deep fake, and of which kind.
type Deepfake string

// The kinds.
const (
	DeepfakeNone Deepfake = ""
	DeepfakeTrue Deepfake = "true"
	// DeepfakeArtistic is part of an evidently artistic, creative, satirical or
	// fictional work; its label may be small enough not to spoil it.
	DeepfakeArtistic Deepfake = "artistic"
)

// UnmarshalText reads "true", "artistic", "false" or nothing.
func (d *Deepfake) UnmarshalText(text []byte) error {
	switch v := Deepfake(text); v {
	case DeepfakeNone, "false":
		*d = DeepfakeNone
	case DeepfakeTrue, DeepfakeArtistic:
		*d = v
	default:
		return fmt.Errorf("disclose: deepfake %q: choose true, artistic or false", v)
	}
	return nil
}

// UnmarshalJSON also takes true and false without quotes; null changes nothing.
func (d *Deepfake) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	return d.UnmarshalText(bytes.Trim(data, `"`))
}

// A Duty is how a published work has to be labelled.
type Duty uint8

// The duties, lightest first.
const (
	DutyNone    Duty = iota // no label is due under Article 50(4)
	DutyLimited             // a label in a way that does not hamper the work
	DutyFull                // a label that is seen at once
)

// String names the duty.
func (d Duty) String() string { return [...]string{"none", "limited", "full"}[d] }

// Check says what is missing in p, and what to do about it.
func (p Publication) Check() error {
	if p.Deepfake != DeepfakeNone && p.Deepfake != DeepfakeTrue && p.Deepfake != DeepfakeArtistic {
		return fmt.Errorf("disclose: deepfake %q: choose true, artistic or false", p.Deepfake)
	}
	if p.Review == nil {
		return nil
	}
	if !p.PublicInterest {
		return errors.New("disclose: a review counts for a text of public interest alone: set public_interest, or leave the review out")
	}
	return p.Review.Check()
}

// Duty returns how content has to be labelled when it is published as p, and
// why, in a sentence for the publisher. A review that is incomplete, or of
// another version, counts as none: the label comes back.
func (p Publication) Duty(content []byte) (duty Duty, why string) {
	switch p.Deepfake {
	case DeepfakeNone:
	case DeepfakeArtistic:
		duty, why = DutyLimited, "a deep fake in an artistic work is disclosed in a way that does not hamper it"
	default:
		return DutyFull, "a deep fake is disclosed"
	}
	if !p.PublicInterest {
		return duty, why
	}
	if p.Review == nil {
		return DutyFull, "a text of public interest without a review is disclosed"
	}
	if err := p.Review.Covers(content); err != nil {
		return DutyFull, err.Error()
	}
	return duty, why
}

// Publish returns a text with the label that is due: above its first line where
// the duty is full, as a footer where it is limited. The text is UTF-8 and
// carries no label yet: a review is of the text alone.
func (p Publication) Publish(text string, tag language.Tag) (string, Duty) {
	duty, _ := p.Duty([]byte(text))
	switch duty {
	case DutyFull:
		text = WithHeadline(text, LabelText(tag))
	case DutyLimited:
		text = WithFooter(text, LabelText(tag))
	}
	return text, duty
}

// limitedSize is the capital height of a label that is not to spoil a work. The
// least height in pixels still holds.
const limitedSize = 0.02

// ImageLabel returns the options of the visible label that is due on a picture,
// made from those of the deployment; ok is false where none is. Under a limited
// duty it is a small badge without QR code and image.
func (d Duty) ImageLabel(o VisibleLabelOptions) (due VisibleLabelOptions, ok bool) {
	if d == DutyLimited {
		o.Size, o.QR, o.Image = limitedSize, "", nil
	}
	if d != DutyNone && o.Badge == BadgeNone { // a code or an image alone does not say AI
		o.Badge = BadgeAI
	}
	return o, d != DutyNone
}

// ErrReview is the cause when a review does not stand in for a label.
var ErrReview = errors.New("disclose: review does not replace the label")

// A Review attests that a person reviewed a text before it was published, and
// that someone holds editorial responsibility. It is the publisher's document,
// to be kept by the publisher: records hold no names.
//
// The hash ties it to one version. A review in substance checks the facts at
// least; a look at the spelling is none.
type Review struct {
	// Reviewer is who read the text.
	Reviewer string `json:"reviewer" yaml:"reviewer"`
	// Time of the sign-off.
	Time time.Time `json:"time" yaml:"time"`
	// SHA256 of the text as signed off, in 64 hexadecimal digits; see [ContentHash].
	SHA256 string `json:"sha256" yaml:"sha256"`
	// Responsible is the person or body with editorial responsibility, and
	// Contact how to reach them.
	Responsible string `json:"responsible" yaml:"responsible"`
	Contact     string `json:"contact" yaml:"contact"`
	// FactsChecked: the reviewer checked the facts, not only the wording.
	FactsChecked bool `json:"facts_checked" yaml:"facts_checked"`
}

// SignOff returns r for this very content, signed off at the given time, or an
// error that says what is missing.
func (r Review) SignOff(content []byte, at time.Time) (Review, error) {
	r.SHA256, r.Time = ContentHash(content), at.UTC().Truncate(time.Second)
	return r, r.Check()
}

// Check says what the review lacks. The error wraps ErrReview.
func (r Review) Check() error {
	blank := func(s string) bool { return strings.TrimSpace(s) == "" }
	sum, err := hex.DecodeString(r.SHA256)
	switch {
	case blank(r.Reviewer):
		return fmt.Errorf("%w: name the reviewer", ErrReview)
	case r.Time.IsZero():
		return fmt.Errorf("%w: give the time of the sign-off", ErrReview)
	case blank(r.Responsible):
		return fmt.Errorf("%w: name who holds editorial responsibility", ErrReview)
	case blank(r.Contact):
		return fmt.Errorf("%w: say how to reach who is responsible", ErrReview)
	case !r.FactsChecked:
		return fmt.Errorf("%w: set facts_checked once the facts were checked; a look at the wording is no review", ErrReview)
	case err != nil || len(sum) != sha256.Size:
		return fmt.Errorf("%w: sha256 wants the 64 hexadecimal digits that ContentHash gives", ErrReview)
	}
	return nil
}

// Holds reports whether the review stands in for a label on this content: it is
// complete, and the content is what was signed off.
func (r Review) Holds(content []byte) bool { return r.Covers(content) == nil }

// Covers is Holds with the reason: nil, or an error that wraps ErrReview.
func (r Review) Covers(content []byte) error {
	if err := r.Check(); err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(strings.ToLower(r.SHA256)), []byte(ContentHash(content))) != 1 {
		return fmt.Errorf("%w: the content is not what was signed off on %s; have this version reviewed, or publish it with the label",
			ErrReview, r.Time.UTC().Format(time.DateOnly))
	}
	return nil
}

// ContentHash is the SHA-256 of a text, in lower-case hexadecimal digits, over
// what editors and transports change without changing a word: a byte order mark,
// line ends, canonically equal spellings (Unicode NFC), white space at the end.
// What is not UTF-8 is hashed as it is.
func ContentHash(content []byte) string {
	if utf8.Valid(content) {
		content = bytes.TrimPrefix(content, utf8BOM)
		content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
		content = norm.NFC.Bytes(bytes.TrimRight(content, " \t\r\n"))
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
