package disclose

import (
	"mime"
	"strings"
)

// A Mode says how a Writer treats an output on its way.
type Mode uint8

const (
	// ModePass leaves the bytes alone; the output carries the header.
	ModePass Mode = iota
	// ModeStream passes text on as it comes and splices into it.
	ModeStream
	// ModeHold keeps the output until it is whole, marks it, and writes it.
	ModeHold
)

// A Kind is the kind of content of an output.
type Kind uint8

// The kinds of content.
const (
	KindOther Kind = iota
	KindJSON
	KindNDJSON
	KindSSE
	KindText
	KindHTML
	KindImage
	KindMedia // sound and moving pictures
)

// Classify returns the kind of a media type, parameters allowed.
func Classify(contentType string) Kind {
	t := mediaType(contentType)
	switch {
	case t == "application/json" || strings.HasSuffix(t, "+json"):
		return KindJSON
	case t == "application/x-ndjson" || t == "application/jsonl" || t == "application/ndjson":
		return KindNDJSON
	case t == "text/event-stream":
		return KindSSE
	case t == "text/html" || t == "application/xhtml+xml":
		return KindHTML
	case t == "text/plain" || t == "text/markdown":
		return KindText
	case strings.HasPrefix(t, "image/") && t != "image/svg+xml":
		return KindImage
	}
	if isMedia(t) {
		return KindMedia
	}
	return KindOther
}

func mediaType(contentType string) string {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// Modality is text, image or none, for metrics.
func (k Kind) Modality() string {
	switch k {
	case KindImage:
		return "image"
	case KindMedia:
		return "media"
	case KindOther:
		return "none"
	}
	return "text"
}

// PlanFor returns how a Writer will treat an output of this shape and media
// type.
func PlanFor(shape Shape, contentType string) Mode {
	if shape == ShapeCustom {
		return planFor(&customShape, shape, contentType)
	}
	return planFor(drivers[shape], shape, contentType)
}

func planFor(d *driver, shape Shape, contentType string) Mode {
	switch Classify(contentType) {
	case KindImage, KindMedia:
		return ModeHold
	case KindJSON:
		switch {
		case d == nil:
			return ModePass
		case d.array:
			return ModeStream
		}
		return ModeHold
	case KindSSE, KindNDJSON:
		if d != nil {
			return ModeStream
		}
	case KindText:
		if shape != ShapeCode && utf8Text(contentType) {
			return ModeStream
		}
	case KindHTML:
		if shape != ShapeCode && asciiMarkup(contentType) {
			return ModeStream
		}
	}
	return ModePass
}

// utf8Text reports whether a text's charset is UTF-8 or a part of it.
func utf8Text(contentType string) bool {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return !strings.Contains(strings.ToLower(contentType), "charset")
	}
	switch strings.ToLower(params["charset"]) {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return true
	}
	return false
}
