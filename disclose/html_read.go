package disclose

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

const (
	maxBlocks    = 64      // blocks of JSON-LD in one page that are read
	maxBlockSize = 1 << 20 // bytes of one
)

// A pageReading is what a page says about itself.
type pageReading struct {
	notice   string // the text of the first notice, where this deployment knows it
	meta     string // the value of <meta name="ai-disclosure">
	source   string // the first digital source type that says that AI took part
	label    *ldLabel
	blocks   int
	notices  []string
	inNotice bool
}

// readHTML looks for the notice element, and for the metadata: the meta element
// and blocks of JSON-LD with a digital source type, whoever wrote them. What
// stands in comments, scripts or raw text is no element.
func (in *inspection) readHTML() {
	p := pageReading{notices: in.d.notices.onAI()}
	p.read(in.data)
	f := Finding{Status: Absent}
	if p.notice != "" {
		f = Finding{Status: Present, reason: CauseStatementOnly, Detail: p.notice}
	}
	in.set(CarrierNotice, f)
	in.set(CarrierMetadata, p.metadata())
}

// metadata reports on the meta element and the JSON-LD together.
func (p *pageReading) metadata() Finding {
	f := Finding{Status: Absent}
	if disclosures[p.meta] || p.source != "" {
		f = Finding{Status: Present, reason: CauseStatementOnly}
	}
	var parts []string
	if p.meta != "" {
		parts = append(parts, fmt.Sprintf("meta %s=%s", metaName, p.meta))
	}
	if p.source != "" {
		parts = append(parts, "JSON-LD "+lastPart(p.source))
	}
	if p.label != nil {
		f.ID = p.label.id().String()
		parts = append(parts, p.label.Credit)
	}
	f.Detail = Printable(strings.TrimSpace(strings.Join(parts, " ")))
	return f
}

func (p *pageReading) read(page []byte) {
	z := html.NewTokenizer(bytes.NewReader(page))
	block, ours := false, false
	for {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.TextToken:
			if block {
				p.block(z.Text(), ours)
			} else if p.inNotice {
				p.text(string(z.Text()))
			}
			block = false
		case html.StartTagToken, html.SelfClosingTagToken:
			tag := z.Token()
			p.startTag(tag)
			block = tag.Data == "script" && isJSONLD(tag)
			ours = hasClass(tag, labelClass)
		default:
			p.inNotice, block = false, false
		}
	}
}

func (p *pageReading) startTag(tag html.Token) {
	p.inNotice = tag.Data == "div" && hasClass(tag, noticeClass) && !isHidden(tag)
	if tag.Data == "meta" && p.meta == "" && strings.EqualFold(attribute(tag, "name"), metaName) {
		p.meta = strings.ToLower(strings.TrimSpace(attribute(tag, "content")))
	}
}

func (p *pageReading) text(text string) {
	if text = strings.TrimSpace(text); p.notice == "" && slices.Contains(p.notices, text) {
		p.notice = text
	}
}

// block reads one block of JSON-LD, whoever wrote it.
func (p *pageReading) block(text []byte, ours bool) {
	if p.blocks++; p.blocks > maxBlocks || len(text) > maxBlockSize {
		return
	}
	if l := readLabel(text); ours && l != nil && p.label == nil {
		p.label, p.source = l, l.Source
	}
	var any any
	if p.source != "" || json.Unmarshal(text, &any) != nil {
		return
	}
	p.source = sourceIn(any)
}

// sourceIn finds a digital source type that says that AI took part, in an
// object, in one inside it or in a list: a graph has many.
func sourceIn(v any) string {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if s := sourceIn(e); s != "" {
				return s
			}
		}
	case map[string]any:
		if s, ok := v["digitalSourceType"].(string); ok && isAITerm(s) {
			return s
		}
		if ref, ok := v["digitalSourceType"].(map[string]any); ok {
			if s, ok := ref["@id"].(string); ok && isAITerm(s) {
				return s
			}
		}
		if s := sourceIn(v["@graph"]); s != "" {
			return s
		}
	}
	return ""
}

// isDisclosure reports whether a tag is the meta element that says that AI took
// part.
func isDisclosure(tag html.Token) bool {
	return strings.EqualFold(attribute(tag, "name"), metaName) &&
		disclosures[strings.ToLower(strings.TrimSpace(attribute(tag, "content")))]
}

// isManifest reports whether a tag names or holds a C2PA manifest of the page.
func isManifest(tag html.Token) bool {
	return tag.Data == "link" && slices.Contains(strings.Fields(strings.ToLower(attribute(tag, "rel"))), "c2pa-manifest") ||
		tag.Data == "script" && mediaType(attribute(tag, "type")) == "application/c2pa"
}

func isJSONLD(tag html.Token) bool {
	return mediaType(attribute(tag, "type")) == "application/ld+json"
}

// isHidden reports whether a tag says itself that it does not show. A style may
// say so, and avow's own notice has none.
func isHidden(tag html.Token) bool {
	for _, a := range tag.Attr {
		if a.Key == "hidden" || a.Key == "style" || a.Key == "aria-hidden" && a.Val == "true" {
			return true
		}
	}
	return false
}

func hasClass(tag html.Token, class string) bool {
	return slices.Contains(strings.Fields(attribute(tag, "class")), class)
}

func attribute(tag html.Token, key string) string {
	for _, a := range tag.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
