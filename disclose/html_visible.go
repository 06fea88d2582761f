package disclose

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
)

// inlineTags are elements inside a line of text: a word may go on behind one.
const inlineTags = " a abbr b bdi bdo cite code del dfn em font i ins kbd label mark q s samp small span strong sub sup time u var wbr "

// hiddenTags are elements whose text is none that a person reads.
const hiddenTags = " script style template noscript iframe noembed noframes textarea select title "

// visibleText is the text of a page as a person reads it, roughly: style sheets
// are not asked. Avow's own notice is left out.
func visibleText(page []byte) string {
	var b strings.Builder
	z := html.NewTokenizer(bytes.NewReader(page))
	hidden, notice := "", false
	for {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			if hidden == "" && !notice {
				b.Write(z.Text())
			}
		case html.StartTagToken:
			tag := z.Token()
			if hidden == "" && isOneOf(hiddenTags, tag.Data) {
				hidden = tag.Data
			}
			notice = tag.Data == "div" && hasClass(tag, noticeClass)
			apart(&b, tag.Data)
		case html.EndTagToken:
			name, _ := z.TagName()
			if string(name) == hidden {
				hidden = ""
			}
			notice = false
			apart(&b, string(name))
		case html.SelfClosingTagToken:
			name, _ := z.TagName()
			apart(&b, string(name))
		}
	}
}

// apart ends a line where an element does.
func apart(b *strings.Builder, tag string) {
	if !isOneOf(inlineTags, tag) {
		b.WriteByte('\n')
	}
}

func isOneOf(tags, tag string) bool { return strings.Contains(tags, " "+tag+" ") }
