package disclose

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/avowai/avow/disclose/imagemeta"
	"github.com/avowai/avow/internal/jsonscan"
	"github.com/avowai/avow/internal/pixels"
	"github.com/avowai/avow/watermark"
)

// readHeader reads AI-Disclosure and Avow-Id from the response header fields.
func (in *inspection) readHeader() {
	if in.src.Header == nil {
		in.set(CarrierHeader, Finding{Status: NotChecked, Detail: "no response headers given"})
		return
	}
	f := Finding{Status: Absent}
	for name, values := range in.src.Header {
		name = strings.ReplaceAll(name, "_", "-") // some servers treat them alike
		for _, v := range values {
			switch {
			case strings.EqualFold(name, HeaderDisclosure):
				f = headerFinding(v)
			case strings.EqualFold(name, HeaderID):
				if ids, err := ParseIDs(v); err == nil {
					in.ids = append(in.ids, ids...)
				}
			}
		}
	}
	if len(in.ids) > 0 && f.Status == Present {
		f.ID = in.ids[0].String()
	}
	in.set(CarrierHeader, f)
}

func headerFinding(value string) Finding {
	st, err := ParseHeader(value)
	switch {
	case err != nil:
		return Finding{Status: Absent, Detail: "AI-Disclosure is there but cannot be read"}
	case st.Mode == "none":
		return Finding{Status: Absent, Detail: "the header says mode=none"}
	}
	return Finding{Status: Present, reason: CauseStatementOnly,
		Detail: Printable(strings.Join(strings.Fields(st.Mode+" "+st.Provider+" "+st.Model), " "))}
}

// readImage looks for the image mark, metadata and a manifest.
func (in *inspection) readImage(data []byte) error {
	info, err := imagemeta.Probe(data)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if info.Pixels() > in.d.o.MaxPixels || info.Width > maxSide || info.Height > maxSide {
		return fmt.Errorf("%w: the image has %d x %d pixels, at most %d pixels and %d on a side are read; scale it down first",
			ErrInputTooLarge, info.Width, info.Height, in.d.o.MaxPixels, maxSide)
	}
	in.readMetadata(data, info)
	if err := in.d.jobs.Acquire(in.ctx, 1); err != nil {
		return err
	}
	defer in.d.jobs.Release(1)
	img, err := pixels.Decode(data, pixelFormat(info.Format))
	if err != nil {
		return fmt.Errorf("%w: the %s file is damaged or incomplete: %w", ErrUnreadable, info.Format, err)
	}
	marks, err := watermark.Detect(in.ctx, img, nil, in.d.keys...)
	if errors.Is(err, watermark.ErrTooSmall) {
		in.set(CarrierImageMark, Finding{Status: NotChecked, reason: CauseTooSmall,
			Detail: fmt.Sprintf("%d x %d pixels are too few to tell", info.Width, info.Height)})
		return nil
	}
	if err != nil {
		return err
	}
	in.setImageMark(marks)
	return nil
}

// setImageMark reports the best of the marks found.
func (in *inspection) setImageMark(marks []watermark.Detection) {
	if len(marks) == 0 {
		in.set(CarrierImageMark, Finding{Status: Absent, Detail: in.keyNote()})
		return
	}
	slices.SortStableFunc(marks, func(a, b watermark.Detection) int { return in.rank(a) - in.rank(b) })
	m := marks[0]
	f := Finding{
		KeyID: m.KeyID, Score: m.Score, FalsePositiveRate: m.FalsePositiveRate, Coverage: m.Coverage,
		Transform: &Transform{m.Transform.RotationDeg(), m.Transform.Scale(), m.Transform.Flip()},
	}
	switch {
	case !m.Found:
		f.Status, f.reason, f.Coverage, f.Detail = Present, CauseTemplateOnly, 0, "public template only"
	case in.d.revoked[m.KeyID]:
		f.Status, f.reason, f.ID, f.Detail = Present, CauseRevokedKey, m.Payload.String(), "the key is revoked"
	default:
		f.Status, f.reason, f.ID = Verified, CauseKeyMatches, m.Payload.String()
		if len(in.ids) > 0 && !slices.Contains(in.ids, m.Payload) {
			f.Status, f.reason, f.Detail = Invalid, CauseConflictingIDs, "the response header names another id"
		}
	}
	if len(marks) > 1 {
		f.Detail = strings.TrimSpace(fmt.Sprintf("%s %d marks found", f.Detail, len(marks)))
	}
	in.set(CarrierImageMark, f)
}

func (in *inspection) rank(m watermark.Detection) int {
	switch {
	case m.Found && !in.d.revoked[m.KeyID]:
		return 0
	case m.Found:
		return 1
	}
	return 2
}

func (in *inspection) keyNote() string {
	if len(in.d.keys) == 0 {
		return "searched without a key: only the public template could have been found"
	}
	return ""
}

func (in *inspection) readMetadata(data []byte, info imagemeta.Info) {
	in.set(CarrierManifest, Finding{Status: Absent})
	if info.HasC2PA {
		in.set(CarrierManifest, Finding{Status: Present, reason: CauseStatementOnly,
			Detail: "a C2PA manifest is there; its signature was not checked by this version"})
	}
	fields, err := imagemeta.Read(data)
	switch {
	case err != nil:
		in.set(CarrierMetadata, Finding{Status: NotChecked, Detail: "XMP is there but cannot be read"})
	case isAISource(fields.DigitalSourceType) || fields.AISystemUsed != "":
		in.set(CarrierMetadata, Finding{Status: Present, reason: CauseStatementOnly, ID: payloadOrNone(fields.GUID),
			Detail: Printable(strings.TrimSpace(strings.Join([]string{lastPart(fields.DigitalSourceType), fields.AISystemUsed, fields.AISystemVersionUsed}, " ")))})
	default:
		in.set(CarrierMetadata, Finding{Status: Absent})
	}
}

// isAISource reports whether an IPTC term says that AI took part.
func isAISource(uri string) bool {
	switch lastPart(uri) {
	case "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia", "algorithmicallyEnhanced":
		return true
	}
	return false
}

func lastPart(uri string) string { return uri[strings.LastIndexByte(uri, '/')+1:] }

func payloadOrNone(text string) string {
	p, err := watermark.ParsePayload(text)
	if err != nil {
		return ""
	}
	return p.String()
}

// readText looks for the notice at the start of a plain text.
func (in *inspection) readText(text []byte) {
	f := Finding{Status: Absent}
	start := string(bytes.TrimPrefix(text[:min(len(text), 4096)], utf8BOM))
	for _, notice := range in.d.notices.all() {
		if strings.HasPrefix(start, notice) {
			f = Finding{Status: Present, reason: CauseStatementOnly, Detail: notice}
		}
	}
	in.set(CarrierNotice, f)
}

// readAnswer reads a saved answer of an API: the field in its payloads, the
// notice before its first text, and the images inside it.
func (in *inspection) readAnswer() error {
	in.set(CarrierField, Finding{Status: Absent})
	in.set(CarrierNotice, Finding{Status: Absent})
	texts := 0
	var images [][]byte
	for _, payload := range in.payloads() {
		a := in.readPayload(payload)
		if texts == 0 && len(a.texts) > 0 {
			in.readText([]byte(jsonscan.Unquote(a.texts[0].span.Of(payload), 4096)))
		}
		texts += len(a.texts)
		for _, span := range a.images {
			images = append(images, span.Of(payload))
		}
	}
	return in.readImages(images)
}

const maxEmbedded = 16 // images of one answer that are searched

// readImages reports on the first image of an answer that carries an image
// mark, else on the first that can be read. Images that cannot be read are
// passed over, unless there is nothing else to report on.
func (in *inspection) readImages(images [][]byte) error {
	var first error
	var kept *inspection
	at, unread := 0, 0
	for i, raw := range images[:min(len(images), maxEmbedded)] {
		try := *in
		err := try.readEmbedded(raw)
		switch {
		case in.ctx.Err() != nil:
			return in.ctx.Err()
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
	in.found, in.subject = kept.found, kept.subject
	if len(images) > 1 {
		f := in.found[CarrierImageMark]
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
		if jsonscan.Valid(in.data) == nil {
			return [][]byte{in.data}
		}
		frame = lineFrame // a saved NDJSON stream starts like JSON
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

// readPayload asks every driver, since a saved answer does not say its shape.
func (in *inspection) readPayload(payload []byte) found {
	var best found
	for _, shape := range []Shape{ShapeOpenAIChat, ShapeOpenAIImages, ShapeOllamaChat, ShapeOllamaGenerate} {
		var f found
		s := jsonscan.New(payload)
		if s.Kind() != jsonscan.Object {
			return best
		}
		err := s.Object(func(key jsonscan.Span) error {
			if jsonscan.Is(key.Of(payload), fieldName) && s.Kind() == jsonscan.Object {
				return in.readField(s)
			}
			return drivers[shape].member(s, key.Of(payload), &f)
		})
		if err == nil && (len(f.texts) > 0 || len(f.images) > 0) {
			best = f
		}
	}
	return best
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
