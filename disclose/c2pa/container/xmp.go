package container

import (
	"bytes"
	"compress/zlib"
	"encoding/xml"
	"io"
	"strings"
)

const (
	maxXMP    = 1 << 20
	maxRemote = 4096
	nsTerms   = "http://purl.org/dc/terms/"
)

// pngXMP returns the packet of an iTXt chunk with XMP, or nil. The chunk is a
// keyword, two compression bytes, a language tag, a translated keyword, a text.
func pngXMP(body []byte) []byte {
	rest, ok := bytes.CutPrefix(body, []byte("XML:com.adobe.xmp\x00"))
	if !ok || len(rest) < 2 {
		return nil
	}
	compressed := rest[0] == 1
	_, rest, _ = bytes.Cut(rest[2:], []byte{0})
	_, rest, _ = bytes.Cut(rest, []byte{0})
	if !compressed {
		return rest
	}
	r, err := zlib.NewReader(bytes.NewReader(rest))
	if err != nil {
		return nil
	}
	packet, err := io.ReadAll(io.LimitReader(r, maxXMP))
	if err != nil {
		return nil
	}
	return packet
}

// provenance returns the dcterms:provenance of a packet, as an attribute or as
// an element's text, or "". A packet that cannot be read says nothing.
func provenance(packet []byte) string {
	if len(packet) > maxXMP || !bytes.Contains(packet, []byte("provenance")) {
		return ""
	}
	dec := xml.NewDecoder(bytes.NewReader(bytes.TrimRight(packet, "\x00")))
	for {
		tok, err := dec.Token()
		if err != nil {
			return ""
		}
		start, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range start.Attr {
			if a.Name.Space == nsTerms && a.Name.Local == "provenance" {
				return remote(a.Value)
			}
		}
		if start.Name.Space == nsTerms && start.Name.Local == "provenance" {
			tok, _ = dec.Token()
			text, _ := tok.(xml.CharData)
			return remote(string(text))
		}
	}
}

// remote bounds an address and refuses what is none. Many files name their own
// store here, by a self#jumbf address.
func remote(text string) string {
	text = strings.TrimSpace(text)
	scheme, _, _ := strings.Cut(strings.ToLower(text[:min(len(text), 8)]), "://")
	if scheme != "https" && scheme != "http" || len(text) > maxRemote || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7F }) {
		return ""
	}
	return text
}
