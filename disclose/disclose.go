// Package disclose holds a Label, the statement that one output was made by an
// AI system, and every way to attach it to that output or to read it back. It
// knows content and formats; HTTP lives in package middleware, pixels and bits
// in package watermark.
//
// Two verbs carry the package: [Marker.NewWriter] marks one output on its way
// to an [io.Writer], and [Detector.Inspect] says which marks an output carries.
// The middleware, the command line and the tests all use these two.
package disclose

import (
	"time"

	"github.com/avowai/avow/watermark"
)

// DigitalSourceType is a term of the IPTC digital source type vocabulary, as a
// URI. The http scheme is part of the identifier and must stay.
//
// Source: IPTC NewsCodes, http://cv.iptc.org/newscodes/digitalsourcetype/.
type DigitalSourceType string

// The terms avow writes. The empty value stands for TrainedAlgorithmicMedia.
const (
	TrainedAlgorithmicMedia              DigitalSourceType = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
	CompositeWithTrainedAlgorithmicMedia DigitalSourceType = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
)

// A Label is the statement about one output. It never holds prompts, user
// names, addresses or places.
type Label struct {
	// ID names this output: 64 opaque bits, the payload of its watermarks.
	// The zero value asks the Marker to draw a random one.
	ID watermark.Payload
	// Source says how the output came about; empty means TrainedAlgorithmicMedia.
	Source DigitalSourceType
	// Involvement says what part AI had in it; empty means MachineGenerated.
	Involvement Involvement
	// Provider is who offers the AI system; System and Version name it.
	Provider, System, Version string
	// Generator is the model or program that produced the output, where known.
	Generator string
	// Time of generation; zero asks the Marker for the current time.
	Time time.Time
}

// A Carrier is one way of attaching a Label to an output.
type Carrier uint8

// The carriers, in the order of every report.
const (
	CarrierHeader Carrier = iota
	CarrierNotice
	CarrierField
	CarrierTextMark
	CarrierTokenMark
	CarrierImageMark
	CarrierMetadata
	CarrierManifest
	CarrierFingerprint
	carrierCount
)

// CarrierVisibleLabel is what [VisibleLabel] draws into pictures. It stands
// outside the list of reports and of [Carriers]: people read it, no program does.
const CarrierVisibleLabel = carrierCount

var carrierNames = [carrierCount]string{
	"header", "notice", "field", "text_mark", "token_mark",
	"image_mark", "metadata", "manifest", "fingerprint",
}

// String is the carrier's name in reports, metrics and configuration.
func (c Carrier) String() string {
	if c < carrierCount {
		return carrierNames[c]
	}
	if c == CarrierVisibleLabel {
		return "visible_label"
	}
	return "unknown"
}

// Carriers returns all carriers of a report in its order.
func Carriers() []Carrier {
	all := make([]Carrier, carrierCount)
	for i := range all {
		all[i] = Carrier(i)
	}
	return all
}

// A CarrierSet is a set of carriers. The zero value is empty.
type CarrierSet uint16

// NewCarrierSet returns the set of the given carriers.
func NewCarrierSet(carriers ...Carrier) CarrierSet {
	var s CarrierSet
	for _, c := range carriers {
		s |= 1 << c
	}
	return s
}

// Has reports whether c is in the set.
func (s CarrierSet) Has(c Carrier) bool { return s&(1<<c) != 0 }

// With returns the set with c added.
func (s CarrierSet) With(c Carrier) CarrierSet { return s | 1<<c }

// Without returns the set with c removed.
func (s CarrierSet) Without(c Carrier) CarrierSet { return s &^ (1 << c) }

// List returns the members in the order of every report.
func (s CarrierSet) List() []Carrier {
	var out []Carrier
	for c := Carrier(0); c <= CarrierVisibleLabel; c++ {
		if s.Has(c) {
			out = append(out, c)
		}
	}
	return out
}

// A Mark is a Carrier attached to one output, or one that should have been and
// could not be: then Err says why, and Reason names the cause for counting.
type Mark struct {
	Carrier Carrier
	ID      watermark.Payload
	Reason  Reason
	Err     error
}
