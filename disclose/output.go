package disclose

import (
	"errors"
	"fmt"

	"golang.org/x/text/language"
)

// An Output describes one output about to be written.
type Output struct {
	// ContentType is the media type of the output, parameters allowed.
	ContentType string
	// Shape says where the content sits; ShapeAuto goes by ContentType.
	Shape Shape
	// Language of the notice, as negotiated by [NegotiateLanguage]. The zero
	// value means English.
	Language language.Tag
	// Turn is FirstTurn when the notice is still due.
	Turn Turn
	// Constrained forbids splices into text; see [Request].
	Constrained Reason
	// Choices is how many alternative answers a stream may carry; 0 means 1.
	Choices int
	// Carriers restricts the Marker's carriers for this output; nil means all
	// that the Marker has enabled.
	Carriers *CarrierSet
	// Require names carriers without which the output is withheld even where
	// the profile would degrade.
	Require CarrierSet
	// Unframed: the end of the input proves nothing (a body delimited by the
	// end of its connection), so Close checks that the content itself is whole.
	Unframed bool
	// Route names the output's route in records; a closed set, never a raw path.
	Route string
	// Label is the statement to attach; zero fields are filled in.
	Label Label
}

// Withheld is the error of an output that the profile refuses to send.
type Withheld struct {
	Reason Reason
	// Hint says what to do about it, in one sentence.
	Hint string
	// Err is the cause, where there is one.
	Err error
}

// Error implements error.
func (w *Withheld) Error() string {
	if w.Err != nil {
		return fmt.Sprintf("disclose: output withheld (%s): %v", w.Reason, w.Err)
	}
	return fmt.Sprintf("disclose: output withheld (%s)", w.Reason)
}

// Unwrap returns the cause.
func (w *Withheld) Unwrap() error { return w.Err }

// ErrTruncated is the cause when an output ended before its content did.
var ErrTruncated = errors.New("disclose: output ended before its content did")
