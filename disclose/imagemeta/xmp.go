package imagemeta

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
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
	packet  []byte
	dec     *xml.Decoder
	depth   int // of the element the walk is in
	rdf     int // depth of rdf:RDF, 0 before it, -1 after it
	desc    bool
	fields  Fields
	ours    []place         // values that Write replaces
	present map[string]bool // foreign properties that are there already
	rdfEnd  int             // offset of </rdf:RDF>, or behind <rdf:RDF/>
	rdfName string          // its name with prefix if it is empty: <rdf:RDF/>
	about   string
}

// parseXMP reads the fields of a packet.
func parseXMP(packet []byte) (Fields, error) {
	v, err := viewXMP(packet)
	return v.fields, err
}

// viewXMP walks a packet with a namespace-aware decoder. Document types and
// entities are refused; nesting does not recurse.
func viewXMP(packet []byte) (*xmpView, error) {
	v := &xmpView{packet: packet, present: map[string]bool{}, rdfEnd: -1}
	if len(packet) > MaxXMP {
		return v, fmt.Errorf("%w: XMP of %d bytes", ErrTooLarge, len(packet))
	}
	v.dec = xml.NewDecoder(bytes.NewReader(bytes.TrimRight(packet, "\x00")))
	for {
		start := int(v.dec.InputOffset())
		tok, err := v.dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = v.token(tok, start)
		}
		if err != nil {
			return v, fmt.Errorf("%w: %w", ErrXMP, err)
		}
	}
	if v.rdfEnd < 0 {
		return v, fmt.Errorf("%w: no rdf:RDF element", ErrXMP)
	}
	return v, nil
}

var errDoctype = errors.New("document type declarations are refused")

// token takes one token. The properties of the image are those of the
// rdf:Descriptions right below the first rdf:RDF; deeper ones belong to
// something else, such as the ingredients in xmpMM:Pantry.
func (v *xmpView) token(tok xml.Token, start int) error {
	switch t := tok.(type) {
	case xml.Directive:
		return errDoctype
	case xml.StartElement:
		v.depth++
		switch {
		case v.rdf == 0 && t.Name.Space == nsRDF && t.Name.Local == "RDF":
			v.rdf = v.depth
		case v.rdf > 0 && v.depth == v.rdf+1:
			v.desc = t.Name.Space == nsRDF && t.Name.Local == "Description"
			if v.desc {
				v.attributes(t, start)
			}
		case v.rdf > 0 && v.depth == v.rdf+2 && v.desc:
			return v.element(t, start)
		}
	case xml.EndElement:
		if v.depth == v.rdf {
			v.rdf, v.rdfEnd = -1, start
			if start == int(v.dec.InputOffset()) { // no end tag of its own
				v.rdfName = lastTagName(v.packet[:start])
			}
		}
		v.depth--
	}
	return nil
}

// lastTagName returns the name, with its prefix, in the tag that text ends with.
// A start tag holds no other "<": the decoder refuses one in a value.
func lastTagName(text []byte) string {
	name := bytes.TrimLeft(text[bytes.LastIndexByte(text, '<')+1:], xmlSpace)
	return string(name[:max(0, bytes.IndexAny(name, xmlSpace+"/"))])
}

// element reads a property in element form, up to its end.
func (v *xmpView) element(t xml.StartElement, start int) error {
	p := findProperty(t.Name)
	date := t.Name.Space == nsXMP && t.Name.Local == createDate
	if p == nil && !date {
		return nil
	}
	text, err := elementText(v.dec, t)
	v.depth--
	if err != nil {
		return err
	}
	v.note(p, date, text, place{start, int(v.dec.InputOffset())})
	return nil
}

// attributes reads the properties in attribute form of an rdf:Description.
func (v *xmpView) attributes(t xml.StartElement, start int) {
	places := attributePlaces(v.packet, start, int(v.dec.InputOffset()))
	for i, a := range t.Attr {
		if a.Name.Space == nsRDF && a.Name.Local == "about" && v.about == "" {
			v.about = a.Value
		}
		p := findProperty(a.Name)
		date := a.Name.Space == nsXMP && a.Name.Local == createDate
		if p == nil && !date || i >= len(places) {
			continue
		}
		v.note(p, date, a.Value, places[i])
	}
}

const xmlSpace = " \t\r\n"

// attributePlaces returns where the attributes of the start tag in [start,end)
// stand, each with the white space before it, in the order of the tag. The
// decoder has accepted the tag, so every value has its quotes.
func attributePlaces(packet []byte, start, end int) (all []place) {
	for pos := start; pos < end; {
		eq := bytes.IndexByte(packet[pos:end], '=')
		if eq < 0 {
			break
		}
		open := bytes.IndexAny(packet[pos+eq:end], `"'`)
		if open < 0 {
			break
		}
		open += pos + eq
		value := bytes.IndexByte(packet[open+1:end], packet[open])
		if value < 0 {
			break
		}
		name := len(bytes.TrimRight(packet[pos:pos+eq], xmlSpace))
		name = pos + 1 + bytes.LastIndexAny(packet[pos:pos+name], xmlSpace)
		from := pos + len(bytes.TrimRight(packet[pos:name], xmlSpace))
		pos = open + 1 + value + 1
		at := place{from, pos}
		if from < name && pos < end && !bytes.ContainsAny(packet[pos:pos+1], xmlSpace+"/>") {
			at.start++ // the next attribute has no white space of its own
		}
		all = append(all, at)
	}
	return all
}

func (v *xmpView) note(p *property, date bool, text string, at place) {
	text = strings.TrimSpace(text)
	if date {
		v.present[createDate] = true
		v.fields.CreateDate = parseDate(text)
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

// dateForms are those of ISO 16684-1 section 8.2.1.1; fractions of a second are
// accepted by time.Parse where seconds are.
var dateForms = []string{
	time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly, "2006-01", "2006",
}

// parseDate returns the zero time for what is no date. Without a zone it is UTC.
func parseDate(text string) time.Time {
	for _, form := range dateForms {
		if t, err := time.Parse(form, text); err == nil {
			return t
		}
	}
	return time.Time{}
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
			return "", err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			b.Write(t)
		case xml.Directive:
			return "", errDoctype
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
	if isBlank(old) {
		return []byte(packetStart + description(f, nil, "") + packetEnd), nil
	}
	v, err := viewXMP(old)
	if err != nil {
		return nil, err
	}
	if v.says(f) {
		return old, nil
	}
	out := make([]byte, 0, len(old)+1024)
	pos := 0
	for _, p := range v.ours {
		out = append(out, old[pos:p.start]...)
		pos = p.end
	}
	ours := description(f, v.present, v.about)
	if v.rdfName != "" {
		out = append(out, old[pos:v.rdfEnd-2]...)
		out = append(out, ">\n"+ours+"</"+v.rdfName+">"...)
		return append(out, old[v.rdfEnd:]...), nil
	}
	out = append(out, old[pos:v.rdfEnd]...)
	out = append(out, ours...)
	return append(out, old[v.rdfEnd:]...), nil
}

// says reports whether writing f would change nothing.
func (v *xmpView) says(f Fields) bool {
	ours := 0
	for _, p := range properties {
		was, is := *p.value(&v.fields), *p.value(&f)
		switch {
		case p.ours && was != is, !p.ours && is != "" && !v.present[p.name]:
			return false
		case p.ours && is != "":
			ours++
		}
	}
	return ours == len(v.ours) && (f.CreateDate.IsZero() || v.present[createDate])
}

func isBlank(packet []byte) bool { return len(bytes.Trim(packet, "\x00"+xmlSpace)) == 0 }

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

// escape makes text safe between tags and inside quotes. Control characters are
// removed; others that XML cannot hold become U+FFFD.
func escape(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !strings.ContainsRune(xmlSpace, r) {
			return -1
		}
		return r
	}, text)
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder does not fail
	return b.String()
}
