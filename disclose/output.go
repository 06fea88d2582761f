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
	// Observes names what an AI system observes in the people who get the
	// output: NoticeEmotion, NoticeBiometric. Their notices are given whatever
	// Carriers say, each as a paragraph of its own.
	Observes Notices
	// Given names those of Observes that the conversation holds already.
	Given Notices
	// Author says who wrote the output; the zero value is AuthorAI.
	Author Author
	// HandOver puts the sentence that a person answers from here on before the
	// text of an output by AuthorHuman.
	HandOver bool
	// Constrained forbids splices into text; see [Request].
	Constrained Reason
	// NoFrames names why no text mark may be placed; see [Request].
	NoFrames Reason
	// Pointers describe the shape of ShapeCustom; nil otherwise.
	Pointers *Pointers
	// Whole: the output is there at once, so a plain text may be held until
	// Close, and carry text marks from its beginning.
	Whole bool
	// TextMarkDistance is how many characters lie between two text marks of this
	// output; 0 means what Options say.
	TextMarkDistance int
	// Export: the output is a text that is saved to a file, away from the place
	// where its notice is seen. With Options.VisibleLabel it gets a footer.
	Export bool
	// Publication is what the deployer says about a work that it publishes with
	// this output: pictures, and plain text, then get the label that is due.
	Publication *Publication
	// Stored: the output was sent before and is asked for again, so it shows
	// what it showed then where Records know.
	Stored bool
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
	// Session is the pseudonym of the conversation, for the record; see
	// [Marker.Session]. The zero value means none.
	Session SessionID
	// Label is the statement to attach; zero fields are filled in.
	Label Label
}

// driver returns the driver of the output's shape, or nil.
func (o *Output) driver() *driver {
	if o.Shape == ShapeCustom && o.Pointers != nil {
		return o.Pointers.driver
	}
	return drivers[o.Shape]
}

// mode is how a Writer treats the output.
func (o *Output) mode() Mode { return planFor(o.driver(), o.Shape, o.ContentType) }

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
