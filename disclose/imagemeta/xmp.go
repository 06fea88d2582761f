package imagemeta

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// Namespaces of the properties avow reads and writes.
const (
	nsRDF       = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	nsIPTCExt   = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
	nsPhotoshop = "http://ns.adobe.com/photoshop/1.0/"
	nsXMP       = "http://ns.adobe.com/xap/1.0/"
	nsAvow      = "https://github.com/avowai/avow/ns/1.0/"
)

// Fields are the XMP properties that say how an image came about. Empty ones
// are absent.
type Fields struct {
	// DigitalSourceType is an IPTC URI (Iptc4xmpExt:DigitalSourceType).
	DigitalSourceType string
	// AISystemUsed and AISystemVersionUsed are the IPTC 2025.1 properties.
	AISystemUsed, AISystemVersionUsed string
	// GUID is the label's id (Iptc4xmpExt:DigImageGUID).
	GUID string
	// Credit is the provider (photoshop:Credit).
	Credit string
	// CreateDate is the time of generation (xmp:CreateDate).
	CreateDate time.Time
	// CreatorTool is the generator (xmp:CreatorTool).
	CreatorTool string
	// Detector is the address where the mark can be checked (avow:Detector).
	Detector string
}

// A property ties a field to its name in XMP. ours says that an earlier value
// is replaced; where it is not, an earlier value is somebody else's statement
// and stays.
type property struct {
	ns, prefix, name string
	ours             bool
	value            func(*Fields) *string
}

var properties = []property{
	{nsIPTCExt, "Iptc4xmpExt", "DigitalSourceType", true, func(f *Fields) *string { return &f.DigitalSourceType }},
	{nsIPTCExt, "Iptc4xmpExt", "AISystemUsed", true, func(f *Fields) *string { return &f.AISystemUsed }},
	{nsIPTCExt, "Iptc4xmpExt", "AISystemVersionUsed", true, func(f *Fields) *string { return &f.AISystemVersionUsed }},
	{nsIPTCExt, "Iptc4xmpExt", "DigImageGUID", true, func(f *Fields) *string { return &f.GUID }},
	{nsAvow, "avow", "Detector", true, func(f *Fields) *string { return &f.Detector }},
	{nsPhotoshop, "photoshop", "Credit", false, func(f *Fields) *string { return &f.Credit }},
	{nsXMP, "xmp", "CreatorTool", false, func(f *Fields) *string { return &f.CreatorTool }},
}

const createDate = "CreateDate"

func findProperty(name xml.Name) *property {
	for i := range properties {
		if properties[i].ns == name.Space && properties[i].name == name.Local {
			return &properties[i]
		}
	}
	return nil
}

// A place is a range of the packet that says one property.
type place struct{ start, end int }

// An xmpView is what one walk over a packet finds.
type xmpView struct {
	fields  Fields
	ours    []place         // values that Write replaces
	present map[string]bool // foreign properties that are there already
	rdfEnd  int             // offset of </rdf:RDF>
	about   string
}

// parseXMP reads the fields of a packet.
func parseXMP(packet []byte) (Fields, error) {
	v, err := viewXMP(packet)
	return v.fields, err
}

// viewXMP walks a packet with a namespace-aware decoder. Document types and
// entities are refused; nesting does not recurse.
func viewXMP(packet []byte) (xmpView, error) {
	v := xmpView{present: map[string]bool{}, rdfEnd: -1}
	if len(packet) > MaxXMP {
		return v, fmt.Errorf("%w: XMP of %d bytes", ErrTooLarge, len(packet))
	}
	packet = bytes.TrimRight(packet, "\x00")
	dec := xml.NewDecoder(bytes.NewReader(packet))
	for {
		start := int(dec.InputOffset())
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return v, fmt.Errorf("%w: %w", ErrXMP, err)
		}
		switch t := tok.(type) {
		case xml.Directive:
			return v, fmt.Errorf("%w: document type declarations are refused", ErrXMP)
		case xml.StartElement:
			if err := v.element(dec, t, packet, start); err != nil {
				return v, err
			}
		case xml.EndElement:
			if t.Name.Space == nsRDF && t.Name.Local == "RDF" {
				v.rdfEnd = start
			}
		}
	}
	if v.rdfEnd < 0 {
		return v, fmt.Errorf("%w: no rdf:RDF element", ErrXMP)
	}
	return v, nil
}

// element reads a start tag: the attributes of an rdf:Description, or a
// property in element form.
func (v *xmpView) element(dec *xml.Decoder, t xml.StartElement, packet []byte, start int) error {
	if t.Name.Space == nsRDF && t.Name.Local == "Description" {
		v.attributes(t, packet, start, int(dec.InputOffset()))
		return nil
	}
	p := findProperty(t.Name)
	date := t.Name.Space == nsXMP && t.Name.Local == createDate
	if p == nil && !date {
		return nil
	}
	text, err := elementText(dec, t)
	if err != nil {
		return err
	}
	v.note(p, date, text, place{start, int(dec.InputOffset())})
	return nil
}

func (v *xmpView) attributes(t xml.StartElement, packet []byte, start, end int) {
	for _, a := range t.Attr {
		if a.Name.Space == nsRDF && a.Name.Local == "about" && v.about == "" {
			v.about = a.Value
		}
		p := findProperty(a.Name)
		date := a.Name.Space == nsXMP && a.Name.Local == createDate
		if p == nil && !date {
			continue
		}
		re := regexp.MustCompile(`\s+[^\s=<>"']+:` + regexp.QuoteMeta(a.Name.Local) + `\s*=\s*("[^"]*"|'[^']*')`)
		at := place{}
		if m := re.FindIndex(packet[start:end]); m != nil {
			at = place{start + m[0], start + m[1]}
		}
		v.note(p, date, a.Value, at)
	}
}

func (v *xmpView) note(p *property, date bool, text string, at place) {
	text = strings.TrimSpace(text)
	if date {
		v.present[createDate] = true
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			v.fields.CreateDate = t
		}
		return
	}
	*p.value(&v.fields) = text
	if p.ours && at.end > at.start {
		v.ours = append(v.ours, at)
	}
	if !p.ours {
		v.present[p.name] = true
	}
}

// elementText returns an element's text, or its rdf:resource, and reads up to
// its end. Text inside rdf:Alt, rdf:Bag and rdf:Seq counts.
func elementText(dec *xml.Decoder, t xml.StartElement) (string, error) {
	var b strings.Builder
	for _, a := range t.Attr {
		if a.Name.Space == nsRDF && a.Name.Local == "resource" {
			b.WriteString(a.Value)
		}
	}
	for depth := 1; depth > 0; {
		tok, err := dec.Token()
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrXMP, err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			b.Write(t)
		case xml.Directive:
			return "", fmt.Errorf("%w: document type declarations are refused", ErrXMP)
		}
	}
	return strings.TrimSpace(b.String()), nil
}

const packetStart = `<?xpacket begin="` + "\ufeff" + `" id="W5M0MpCehiHzreSzNTczkc9d"?>` + "\n" +
	`<x:xmpmeta xmlns:x="adobe:ns:meta/">` + "\n" + ` <rdf:RDF xmlns:rdf="` + nsRDF + `">` + "\n"

const packetEnd = " </rdf:RDF>\n</x:xmpmeta>\n" + `<?xpacket end="w"?>`

// mergeXMP returns a packet with f in it: a new one, or the old one with our
// properties replaced and everything else as it was.
func mergeXMP(old []byte, f Fields) ([]byte, error) {
	if len(bytes.TrimRight(old, "\x00 \r\n\t")) == 0 {
		return []byte(packetStart + description(f, nil, "") + packetEnd), nil
	}
	v, err := viewXMP(old)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(old)+1024)
	pos := 0
	for _, p := range v.ours {
		out = append(out, old[pos:p.start]...)
		pos = p.end
	}
	out = append(out, old[pos:v.rdfEnd]...)
	out = append(out, description(f, v.present, v.about)...)
	return append(out, old[v.rdfEnd:]...), nil
}

// description is an rdf:Description with the fields as elements. It declares
// the rdf prefix itself, whatever the packet calls it.
func description(f Fields, present map[string]bool, about string) string {
	var b strings.Builder
	b.WriteString(`  <rdf:Description xmlns:rdf="` + nsRDF + `" rdf:about="` + escape(about) + `"`)
	for _, ns := range [][2]string{{"Iptc4xmpExt", nsIPTCExt}, {"photoshop", nsPhotoshop}, {"xmp", nsXMP}, {"avow", nsAvow}} {
		b.WriteString("\n    xmlns:" + ns[0] + `="` + ns[1] + `"`)
	}
	b.WriteString(">\n")
	for _, p := range properties {
		if value := *p.value(&f); value != "" && !present[p.name] {
			fmt.Fprintf(&b, "   <%s:%s>%s</%s:%s>\n", p.prefix, p.name, escape(value), p.prefix, p.name)
		}
	}
	if !f.CreateDate.IsZero() && !present[createDate] {
		fmt.Fprintf(&b, "   <xmp:CreateDate>%s</xmp:CreateDate>\n", f.CreateDate.UTC().Format(time.RFC3339))
	}
	b.WriteString("  </rdf:Description>\n")
	return b.String()
}

// escape makes text safe between tags and inside quotes. Characters that XML
// cannot hold become U+FFFD.
func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder does not fail
	return b.String()
}
