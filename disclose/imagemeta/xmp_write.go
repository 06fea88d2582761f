package imagemeta

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"time"
	"unicode"
)

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
	return ours == len(v.ours) && (f.CreateDate.IsZero() || v.present[dates[0].Local] && v.present[dates[1].Local])
}

func isBlank(packet []byte) bool { return len(bytes.Trim(packet, "\x00"+xmlSpace)) == 0 }

// description is an rdf:Description with the fields as elements. It declares
// the rdf prefix itself, whatever the packet calls it.
func description(f Fields, present map[string]bool, about string) string {
	var b strings.Builder
	b.WriteString(`  <rdf:Description xmlns:rdf="` + nsRDF + `" rdf:about="` + escape(about) + `"`)
	for _, ns := range [][2]string{{"Iptc4xmpExt", nsIPTCExt}, {"photoshop", nsPhotoshop}, {"xmp", nsXMP}, {"avow", nsAvow}, {"TC260", nsTC260}} {
		if ns[1] != nsTC260 || f.AIGC != "" && !present["AIGC"] {
			b.WriteString("\n    xmlns:" + ns[0] + `="` + ns[1] + `"`)
		}
	}
	b.WriteString(">\n")
	for _, p := range properties {
		if value := *p.value(&f); value != "" && !present[p.name] {
			fmt.Fprintf(&b, "   <%s:%s>%s</%s:%s>\n", p.prefix, p.name, escape(value), p.prefix, p.name)
		}
	}
	for i, name := range []string{"xmp:CreateDate", "photoshop:DateCreated"} {
		if !f.CreateDate.IsZero() && !present[dates[i].Local] {
			fmt.Fprintf(&b, "   <%s>%s</%s>\n", name, f.CreateDate.UTC().Format(time.RFC3339), name)
		}
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
