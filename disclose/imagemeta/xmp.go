package imagemeta

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
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
	nsTC260     = "http://www.tc260.org.cn/ns/AIGC/1.0/"
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
	// CreateDate is the time of generation (xmp:CreateDate and
	// photoshop:DateCreated, which IPTC calls Date Created).
	CreateDate time.Time
	// CreatorTool is the generator (xmp:CreatorTool).
	CreatorTool string
	// Detector is the address where the mark can be checked (avow:Detector).
	Detector string
	// AIGC is China's implicit label (TC260:AIGC), as the JSON of [AIGC].
	AIGC string
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
	{nsTC260, "TC260", "AIGC", false, func(f *Fields) *string { return &f.AIGC }},
}

// dates are the properties of Fields.CreateDate. An earlier value stays.
var dates = [...]xml.Name{{Space: nsXMP, Local: "CreateDate"}, {Space: nsPhotoshop, Local: "DateCreated"}}

func isDate(name xml.Name) bool { return name == dates[0] || name == dates[1] }

// descriptionName is a property that only ReadOrigin looks at.
var descriptionName = xml.Name{Space: "http://purl.org/dc/elements/1.1/", Local: "description"}

func findProperty(name xml.Name) *property {
	if name.Space == "TC260" { // seen without a declaration of the prefix
		name.Space = nsTC260
	}
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
	caption string          // dc:description
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
	if p == nil && !isDate(t.Name) && t.Name != descriptionName {
		return nil
	}
	text, err := elementText(v.dec, t)
	v.depth--
	if err != nil {
		return err
	}
	v.note(p, t.Name, text, place{start, int(v.dec.InputOffset())})
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
		if p == nil && !isDate(a.Name) && a.Name != descriptionName || i >= len(places) {
			continue
		}
		v.note(p, a.Name, a.Value, places[i])
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

func (v *xmpView) note(p *property, name xml.Name, text string, at place) {
	text = strings.TrimSpace(text)
	if p == nil {
		v.noteOther(name, text)
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

// noteOther takes a date or the caption. Of the two dates the first counts.
func (v *xmpView) noteOther(name xml.Name, text string) {
	if name == descriptionName {
		v.caption = text
		return
	}
	if name == dates[0] || !v.present[dates[0].Local] {
		v.fields.CreateDate = parseDate(text)
	}
	v.present[name.Local] = true
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
