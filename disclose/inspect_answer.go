package disclose

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/avowai/avow/internal/jsonscan"
)

// readAnswer reads a saved answer of an API: the field in its payloads, the
// notice before its first text, and the images inside it.
func (in *inspection) readAnswer() error {
	in.set(CarrierField, Finding{Status: Absent})
	in.set(CarrierNotice, Finding{Status: Absent})
	texts := saidTexts{by: map[saidText]*strings.Builder{}}
	var images [][]byte
	payloads := in.payloads()
	in.readTokens(payloads)
	for _, payload := range payloads {
		a := in.readPayload(payload)
		if len(texts.order) == 0 && len(a.texts) > 0 {
			in.readNotice([]byte(jsonscan.Unquote(a.texts[0].span.Of(payload), 4096)))
		}
		texts.collect(payload, a.texts)
		for _, image := range a.images {
			images = append(images, image.span.Of(payload))
		}
	}
	for _, name := range texts.order {
		text := texts.by[name].String()
		in.readFrames(text, text)
	}
	in.searchTexts()
	return in.readImages(images)
}

// saidTexts are the running texts of an answer, at most maxRunning, in the order
// in which they begin. What a stream says whole at its end is kept apart from
// the pieces, so that a text is not there twice.
type saidTexts struct {
	order []saidText
	by    map[saidText]*strings.Builder
}

type saidText struct {
	part
	whole bool
}

// collect puts the pieces of each running text together.
func (s *saidTexts) collect(payload []byte, pieces []foundText) {
	for _, t := range pieces {
		name := saidText{t.part, t.whole}
		text := s.by[name]
		switch {
		case text == nil && len(s.order) == maxRunning:
			continue
		case text == nil:
			text = &strings.Builder{}
			s.by[name], s.order = text, append(s.order, name)
		case t.whole:
			text.Reset()
		}
		raw := t.span.Of(payload)
		text.WriteString(jsonscan.Unquote(raw, len(raw)))
	}
}

const maxEmbedded = 16 // images of one answer that are searched

// readImages reports on the first image of an answer that carries an image
// mark, else on the first that can be read. Images that cannot be read are
// passed over, unless there is nothing else to report on.
func (in *inspection) readImages(images [][]byte) error {
	var first error
	var kept *inspection
	at, unread, tried := 0, 0, 0
	for i, raw := range images[:min(len(images), maxEmbedded)] {
		try := *in
		err := try.readEmbedded(raw)
		tried++ // each is one more chance for a mark that is none
		switch {
		case in.ctx.Err() != nil:
			return in.ctx.Err()
		case stopped(err):
			return err
		case err != nil:
			unread++
			if first == nil {
				first = err
			}
			continue
		case kept == nil || try.marked():
			kept, at = &try, i+1
		}
		if try.marked() {
			break
		}
	}
	if kept == nil {
		if in.found[CarrierField].Status == Present {
			return nil
		}
		return first
	}
	in.found, in.subject, in.imageRecord = kept.found, kept.subject, kept.imageRecord
	if len(images) > 1 {
		f := in.found[CarrierImageMark]
		f.FalsePositiveRate = min(1, f.FalsePositiveRate*float64(tried))
		f.Detail = strings.TrimSpace(fmt.Sprintf("%s image %d of %d; %d passed over as unreadable", f.Detail, at, len(images), unread))
		in.set(CarrierImageMark, f)
	}
	return nil
}

// marked reports whether the image mark, or its template, was found.
func (in *inspection) marked() bool {
	s := in.found[CarrierImageMark].Status
	return s == Present || s == Verified || s == Invalid
}

const maxPayloads = 1 << 16

// payloads returns the JSON payloads of the input.
func (in *inspection) payloads() [][]byte {
	frame := sseFrame
	switch Classify(in.report.ContentType) {
	case KindJSON:
		switch start := bytes.TrimLeft(in.data, " \t\r\n\ufeff"); {
		case bytes.HasPrefix(start, []byte("[")) && bytes.IndexByte(start, '{') > 0:
			frame = arrayFrame // a saved stream that is one array
		case jsonscan.Valid(in.data) == nil:
			return [][]byte{in.data}
		default:
			frame = lineFrame // a saved NDJSON stream starts like JSON
		}
	case KindNDJSON:
		frame = lineFrame
	}
	var out [][]byte
	for rest := in.data; len(rest) > 0 && len(out) < maxPayloads; {
		n := frame.next(&scan{}, rest)
		if n == 0 {
			n = len(rest)
		}
		if p, _ := frame.payload(rest[:n]); len(p) > 0 {
			out = append(out, p)
		}
		rest = rest[n:]
	}
	return out
}

// inspected are the drivers that saved answers are read with.
var inspected = []*driver{
	&openAIChat, &openAIImages, &openAIResponses, &anthropicMessages, &gemini, &ollamaChat, &ollamaGenerate,
	&uiMessage, &tgi, &imagen, &a1111, &stability, &mcp,
}

// readPayload asks every driver, since a saved answer does not say its shape.
func (in *inspection) readPayload(payload []byte) found {
	var best found
	in.readHomes(payload)
	for _, d := range inspected {
		var f found
		s := jsonscan.New(payload)
		if s.Kind() != jsonscan.Object {
			return best
		}
		err := s.Object(func(key jsonscan.Span) error {
			return d.member(s, key.Of(payload), &f)
		})
		if err == nil && d.settle != nil {
			d.settle(payload, &f)
		}
		if err == nil && len(f.texts)+len(f.images) > len(best.texts)+len(best.images) {
			best = f
		}
	}
	return best
}

// readHomes looks for the field in the places that shapes with a place for it
// have.
func (in *inspection) readHomes(payload []byte) {
	s := jsonscan.New(payload)
	var home func(key []byte) error
	home = func(key []byte) error {
		switch {
		case s.Kind() != jsonscan.Object:
			return nil
		case jsonscan.Is(key, fieldName), jsonscan.Is(key, mcpKey):
			return in.readField(s)
		case jsonscan.Is(key, "messageMetadata"), jsonscan.Is(key, "result"), jsonscan.Is(key, "_meta"):
			return s.Object(func(key jsonscan.Span) error { return home(key.Of(payload)) })
		}
		return nil
	}
	if s.Kind() == jsonscan.Object {
		_ = s.Object(func(key jsonscan.Span) error { return home(key.Of(payload)) })
	}
}

func (in *inspection) readField(s *jsonscan.Scanner) error {
	f := Finding{Status: Present, reason: CauseStatementOnly}
	err := s.Object(func(key jsonscan.Span) error {
		var text jsonscan.Span
		k := key.Of(s.Data())
		switch {
		case jsonscan.Is(k, "id"):
			if err := readString(s, &text); err != nil {
				return err
			}
			f.ID = payloadOrNone(jsonscan.Unquote(text.Of(s.Data()), 64))
		case jsonscan.Is(k, "system"):
			if err := readString(s, &text); err != nil {
				return err
			}
			f.Detail = Printable(jsonscan.Unquote(text.Of(s.Data()), maxShown))
		}
		return nil
	})
	if err == nil && in.found[CarrierField].Status != Present {
		in.set(CarrierField, f)
	}
	return err
}

// readEmbedded reads an image inside an answer.
func (in *inspection) readEmbedded(raw []byte) error {
	text := raw
	if bytes.IndexByte(raw, '\\') >= 0 {
		text = []byte(jsonscan.Unquote(raw, len(raw)))
	}
	if i := bytes.IndexByte(text, ','); bytes.HasPrefix(text, []byte("data:")) && i > 0 {
		text = text[i+1:]
	}
	data, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		return fmt.Errorf("%w: base64 of an image: %w", ErrUnreadable, err)
	}
	in.subject = data
	return in.readImage(data)
}
