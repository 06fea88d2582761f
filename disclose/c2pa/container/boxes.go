package container

import (
	"bytes"
	"fmt"
)

// BoxC2PA is the name of the manifest store's box in box hashes.
const BoxC2PA = "C2PA"

// A NamedBox is one part of a file under the name that c2pa.hash.boxes has for
// it.
type NamedBox struct {
	Name string
	Range
}

// Boxes lists the parts of a PNG, JPEG or GIF file in order (specification 2.2
// section 18.7). Bytes between or behind them are in none: a hash over several
// names reaches from the start of the first to the end of the last. A JPEG's
// store is one box, however many segments it has; pictures right behind EOI
// (multi-picture format) follow in the list.
func Boxes(data []byte) ([]NamedBox, error) {
	switch f := Sniff(data); f {
	case PNG:
		return pngBoxes(data)
	case JPEG:
		return jpegBoxes(data)
	case GIF:
		return gifBlocks(data)
	default:
		return nil, fmt.Errorf("%w: no box hashes for %v", ErrContainer, f)
	}
}

func pngBoxes(data []byte) ([]NamedBox, error) {
	chunks, err := pngChunks(data)
	all := []NamedBox{{"PNGh", Range{0, int64(len(pngSignature))}}}
	for _, c := range chunks {
		if c.kind == pngKind {
			c.kind = BoxC2PA
		}
		all = append(all, NamedBox{c.kind, c.whole})
	}
	return all, err
}

// jpegBoxes lists the segments of every picture in the file.
func jpegBoxes(data []byte) (all []NamedBox, err error) {
	for pos := int64(0); bytes.HasPrefix(data[pos:], []byte{0xFF, markSOI, 0xFF}); {
		part := data[pos:]
		segs, err := jpegSegments(part)
		if err != nil {
			return all, err
		}
		if len(all)+len(segs) > maxParts {
			return all, fmt.Errorf("jpeg: %w: more than %d segments", ErrContainer, maxParts)
		}
		one := jpegPicture(part, segs)
		for _, b := range one {
			b.Start += pos
			all = append(all, b)
		}
		pos = all[len(all)-1].End()
	}
	return all, nil
}

// jpegPicture names the segments of one picture.
func jpegPicture(data []byte, segs []segment) []NamedBox {
	all := []NamedBox{{"SOI", Range{0, 2}}}
	g := gathering{seen: map[uint16]bool{}}
	for _, s := range segs {
		if p, ok := pieceOf(s, data); ok {
			before := g.taken
			g.take(s, p, data)
			last := &all[len(all)-1]
			switch {
			case g.taken == before: // a foreign box
			case p.sequence > 1 && last.Name == BoxC2PA:
				last.Length = s.whole.End() - last.Start
				continue
			default:
				all = append(all, NamedBox{BoxC2PA, s.whole})
				continue
			}
		}
		all = appendScan(all, s, data)
	}
	return all
}

// appendScan adds a segment, and behind a scan its restart markers. The
// specification parts the entropy-coded data among SOS and RST; the official
// validator takes all of it for SOS and two bytes for each RST. Its reading
// covers as much, and is the one that files in the field were hashed with.
func appendScan(all []NamedBox, s segment, data []byte) []NamedBox {
	all = append(all, NamedBox{markName(s.mark), s.whole})
	if s.mark != markSOS {
		return all
	}
	for pos := s.body.End(); ; {
		at, mark, ok := nextMarker(data[:s.whole.End()], pos)
		if !ok {
			return all
		}
		all = append(all, NamedBox{markName(mark), Range{at, 2}})
		pos = at + 2
	}
}

// markName is a marker's symbol in ITU-T T.81, table B.1.
func markName(mark byte) string {
	switch {
	case mark == 0xC4:
		return "DHT"
	case mark == 0xC8:
		return "JPG"
	case mark == 0xCC:
		return "DAC"
	case mark >= 0xC0 && mark <= 0xCF:
		return fmt.Sprintf("SOF%d", mark-0xC0)
	case mark >= 0xD0 && mark <= 0xD7:
		return fmt.Sprintf("RST%d", mark-0xD0)
	case mark >= 0xD8 && mark <= 0xDF:
		return [...]string{"SOI", "EOI", "SOS", "DQT", "DNL", "DRI", "DHP", "EXP"}[mark-0xD8]
	case mark >= 0xE0 && mark <= 0xEF:
		return fmt.Sprintf("APP%d", mark-0xE0)
	case mark >= 0xF0 && mark <= 0xFD:
		return fmt.Sprintf("JPG%d", mark-0xF0)
	case mark == 0xFE:
		return "COM"
	}
	return fmt.Sprintf("%02X", mark)
}
