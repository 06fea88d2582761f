package disclose

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/avowai/avow/disclose/imagemeta"
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
	in.readMetadata(data)
	release, err := in.d.admit(in.ctx, info)
	if err != nil {
		return err
	}
	defer release()
	img, err := pixels.Decode(data, pixelFormat(info.Format))
	if err != nil {
		return fmt.Errorf("%w: the %s file is damaged or incomplete: %w", ErrUnreadable, info.Format, err)
	}
	bucket, err := in.gate(img)
	if err != nil {
		return err
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
	in.judgeImage(img, in.d.surer(marks, bucket))
	return nil
}

// setImageMark reports a mark, the best of n found, with what its record says.
func (in *inspection) setImageMark(m watermark.Detection, n int) {
	f := Finding{
		KeyID: m.KeyID, Score: m.Score, FalsePositiveRate: m.FalsePositiveRate, Coverage: m.Coverage,
		Transform: &Transform{m.Transform.RotationDeg(), m.Transform.Scale(), m.Transform.Flip()},
	}
	switch {
	case !m.Found:
		f.Status, f.reason, f.Coverage, f.Detail = Present, CauseTemplateOnly, 0, "public template only"
	case in.d.revoked[m.KeyID]:
		f.Status, f.reason, f.ID, f.Detail = Present, CauseRevokedKey, m.Payload.String(), in.revokedDetail(m.KeyID, in.imageRecord)
	case len(in.ids) > 0 && !slices.Contains(in.ids, m.Payload):
		f.Status, f.reason, f.ID, f.Detail = Invalid, CauseConflictingIDs, m.Payload.String(), "the response header names another id"
	default:
		f.ID = m.Payload.String()
		f.Status, f.reason = in.keyedStatus(in.imageRecord.Status)
	}
	if n > 1 {
		f.Detail = strings.TrimSpace(fmt.Sprintf("%s %d marks found", f.Detail, n))
	}
	in.set(CarrierImageMark, f)
}

// keyedStatus is what a mark that a key reads is worth, by what its record says. A
// mark can be copied, so where there are records the key alone verifies nothing:
// what could not be asked or compared raises no verdict.
func (in *inspection) keyedStatus(record string) (Status, Cause) {
	switch {
	case record == recordMatch:
		return Verified, CauseRecordMatches
	case record == recordCopy:
		return Present, CausePossibleCopy
	case record == recordNotFound:
		return Present, CauseNoRecord
	case in.d.o.Records != nil:
		return Present, CauseKeyMatches
	}
	return Verified, CauseKeyMatches
}

// rank prefers the mark that the manifest or the header names: what was marked
// again, such as under a newer key, carries older marks beside it.
func (in *inspection) rank(m watermark.Detection) int {
	named := in.found[CarrierManifest].ID == m.Payload.String() || slices.Contains(in.ids, m.Payload)
	switch {
	case m.Found && !in.d.revoked[m.KeyID] && named:
		return 0
	case m.Found && !in.d.revoked[m.KeyID]:
		return 1
	case m.Found:
		return 2
	}
	return 3
}

func (in *inspection) keyNote() string {
	if len(in.d.keys) == 0 {
		return "searched without a key: only the public template could have been found"
	}
	return ""
}

func (in *inspection) readMetadata(data []byte) {
	origin, _ := imagemeta.ReadOrigin(data) // Probe has read the file's headers
	in.readManifest(data, origin.Manifest)
	in.set(CarrierMetadata, metadataFinding(origin))
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
