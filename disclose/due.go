package disclose

import (
	"strings"

	"github.com/avowai/avow/internal/jsonscan"
)

// human reports whether the output is a person's own.
func (w *Writer) human() bool { return w.out.Author == AuthorHuman }

// byAuthor returns the carriers that an output of its author may get. What a
// person wrote gets none; what one reviewed keeps those that programs read.
func (w *Writer) byAuthor(enabled CarrierSet) CarrierSet {
	switch w.out.Author {
	case AuthorHuman:
		w.pass(ReasonNotAI)
		return 0
	case AuthorReviewed:
		w.skip(ReasonExempt)
	}
	return enabled
}

// noticesDue returns the notices that the output is to be given. Those about
// what is observed in people are due whatever the carriers and the author.
func (w *Writer) noticesDue(enabled CarrierSet) Notices {
	due := w.out.Observes & noticesObserving
	if w.out.Turn == LaterTurn {
		due &^= w.out.Given
	}
	if enabled.Has(CarrierNotice) && w.out.Turn == FirstTurn && w.out.Author == AuthorAI {
		due |= NoticeInteraction
	}
	if w.human() && w.out.HandOver {
		due |= noticeHandOver
	}
	return due
}

// noticeText is what is due, with separators.
func (w *Writer) noticeText() string { return w.noticesText(w.due) }

// noticesText is a set of notices, each a paragraph.
func (w *Writer) noticesText(set Notices) string {
	var b strings.Builder
	for _, text := range w.m.notices.paragraphs(set, w.language()) {
		_, _ = b.WriteString(text)
		_, _ = b.WriteString(NoticeSeparator)
	}
	return b.String()
}

// appendObserves appends the notices about what is observed in people to the
// field, whatever the turn.
func (w *Writer) appendObserves(b []byte, set Notices) []byte {
	if set == 0 {
		return b
	}
	b = append(b, `"notices":[`...)
	texts := w.m.notices.paragraphs(set, w.language())
	for i, id := range set.IDs() {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, `{"id":"`...), id...), `","text":"`...)
		b = append(jsonscan.AppendString(b, texts[i]), `"}`...)
	}
	return append(b, `],`...)
}
