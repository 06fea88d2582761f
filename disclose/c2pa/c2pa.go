// Package c2pa builds, signs and checks Content Credentials: the manifest
// stores of the C2PA technical specification, written as version 2.4 with the
// stricter rules of 2.5 obeyed (all actions listed, the certificate chain in the
// protected header). It knows no HTTP and no Label of package disclose.
//
// Sign puts a signed manifest into a file, SignDetached makes one that lies
// beside its content. Where a store lies in which file format is the business of
// disclose/c2pa/container.
package c2pa

import (
	"errors"
	"time"
)

// Limits of what is written and carried over.
const (
	// MaxStore is the largest manifest store, in bytes, parents included.
	MaxStore = 16 << 20
	// MaxParents is the largest number of boxes carried over from a parent's
	// store.
	MaxParents = 256
	// MaxText is the longest text field of a Manifest, in bytes: the
	// specification's max-tstr-length.
	MaxText = 10_000
	// MaxSoftBinding is the longest value of a soft binding, in bytes.
	MaxSoftBinding = 4096
)

// Errors of Sign and SignDetached, beside those of the container.
var (
	// ErrManifest means that a Manifest cannot be written as it stands.
	ErrManifest = errors.New("c2pa: manifest")
	// ErrParent means that a parent's store cannot be carried over.
	ErrParent = errors.New("c2pa: parent")
	// ErrSigner means that a key or its certificates may not sign claims.
	ErrSigner = errors.New("c2pa: signer")
	// ErrTooLarge means that the store would exceed MaxStore.
	ErrTooLarge = errors.New("c2pa: manifest store too large")
)

// Digital source types that avow's outputs have (IPTC NewsCodes; the scheme is
// http, and must stay so).
const (
	TrainedAlgorithmicMedia              = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
	CompositeWithTrainedAlgorithmicMedia = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
)

// A Manifest says what one manifest states. The zero value of every field but
// Generator and SourceType leaves out what it speaks of.
type Manifest struct {
	// Title names the asset, such as a file name: dc:title.
	Title string
	// InstanceID is the asset's xmpMM:InstanceID; "" draws one.
	InstanceID string
	// Generator is the software that writes the claim. Its Name is required.
	Generator Generator
	// Software is the AI system that made the content: softwareAgent of the
	// action that made it. Without a Name the action names none.
	Software Generator
	// SourceType is the digitalSourceType URI of what the AI system made.
	// Required without a Parent, where it qualifies c2pa.created. With a Parent
	// it qualifies an additional action c2pa.edited, and "" means that the
	// content was only marked.
	SourceType string
	// When is the time of the actions; zero means now. Seconds count.
	When time.Time
	// SoftBinding adds the action c2pa.watermarked.bound and the assertion
	// c2pa.soft-binding, which it needs.
	SoftBinding *SoftBinding
	// AIDisclosure adds the assertion c2pa.ai-disclosure.
	AIDisclosure *AIDisclosure
	// Training adds cawg.training-mining: entries such as
	// cawg.ai_generative_training, each allowed, notAllowed or constrained.
	Training map[string]string
	// Parent is the asset that this one was made from.
	Parent *Parent
	// Label is the manifest's URN, urn:c2pa: and a UUID, optionally with a
	// generator and a version. "" draws one.
	Label string
}

// A Generator is a piece of software: its name and, if known, its version.
type Generator struct{ Name, Version string }

// A SoftBinding names the watermark in the content and the value it carries, so
// that a stripped manifest can be found again.
type SoftBinding struct {
	// Alg is an entry of the C2PA list of algorithms or a reverse domain name.
	Alg string
	// Value is what the watermark carries.
	Value []byte
}

// An AIDisclosure describes the model, as c2pa.ai-disclosure does.
type AIDisclosure struct {
	// ModelType is an entry of the specification's table of model types; ""
	// means c2pa.types.model, a model that no other entry describes.
	ModelType string
	// ModelName is for people, ModelIdentifier for machines: a URI or purl.
	ModelName, ModelIdentifier string
	// Oversight is fully_autonomous, prompt_guided, human_validated or "".
	Oversight string
}

// A Parent is the asset that was opened to make this one.
type Parent struct {
	// Store is its manifest store as found, or nil if it has none. All of it is
	// carried over byte for byte, faults included: a reader that gives up on the
	// parent gives up on the new file. A store whose validation ended in an
	// error, or for which Sign returns ErrParent, is better left out, and the
	// parent opened without one.
	Store []byte
	// Results are those of a full validation of the parent. A Store needs them:
	// whoever takes over a manifest acts as its validator (ingredient v3). What
	// they do not say failed, and does, later validators count against the new
	// file.
	Results *ValidationResults
	// Title, Format (a media type) and InstanceID describe the asset; all
	// optional.
	Title, Format, InstanceID string
}

// ValidationResults are the results of a validation as an ingredient records
// them.
type ValidationResults struct {
	// ActiveManifest holds those of the parent's active manifest.
	ActiveManifest StatusCodes `cbor:"activeManifest"`
	// IngredientDeltas hold, for each ingredient in the parent's store that has
	// a manifest, what its own record does not already say.
	IngredientDeltas []IngredientDelta `cbor:"ingredientDeltas,omitempty"`
}

// StatusCodes are results by kind.
type StatusCodes struct {
	Success       []Status `cbor:"success"`
	Informational []Status `cbor:"informational"`
	Failure       []Status `cbor:"failure"`
}

// A Status is one result: a code of the specification, and the box it is about.
type Status struct {
	Code        string `cbor:"code"`
	URL         string `cbor:"url,omitempty"`
	Explanation string `cbor:"explanation,omitempty"`
}

// An IngredientDelta holds the new results about one ingredient.
type IngredientDelta struct {
	Assertion string      `cbor:"ingredientAssertionURI"`
	Deltas    StatusCodes `cbor:"validationDeltas"`
}
