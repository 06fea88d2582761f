package disclose

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/avowai/avow/internal/jsonscan"
	"github.com/avowai/avow/watermark"
)

// fieldName is the key of the statement inside an API's answer.
const fieldName = "ai_disclosure"

// fieldEdit inserts the field: in the place that the shape has for it, or as
// the first member.
func (a *answer) fieldEdit(payload []byte, members int, images []watermark.Payload) jsonscan.Edit {
	ins := a.w.fieldJSON(images)
	if home := a.found.home; a.driver.home {
		if home.key != "" {
			ins = append(strconv.AppendQuote(nil, home.key), ins[len(fieldName)+2:]...)
		}
		ins = append(append([]byte(home.before), ins...), home.behind...)
		return jsonscan.Edit{At: home.at, Ins: ins}
	}
	if members > 0 {
		ins = append(ins, ',')
	}
	return jsonscan.Edit{At: bytes.IndexByte(payload, '{') + 1, Ins: ins}
}

// fieldJSON is the field with its key, without a comma.
func (w *Writer) fieldJSON(images []watermark.Payload) []byte {
	b := append(make([]byte, 0, 320), `"`+fieldName+`":{`...)
	text := func(key, value string) {
		if value == "" {
			return
		}
		b = append(append(append(b, '"'), key...), `":"`...)
		b = append(jsonscan.AppendString(b, value), `",`...)
	}
	spoken := w.speaks && (w.driver == nil || !w.driver.pictures)
	if spoken {
		text("notice", w.m.notices.text(w.language()))
	}
	if observes := w.out.Observes & noticesObserving; spoken || observes != 0 {
		text("lang", w.language().String())
		b = w.appendObserves(b, observes)
	}
	text("id", w.label.ID.String())
	b = append(b, `"generated":true,`...)
	text("provider", w.label.Provider)
	text("system", w.label.System)
	if w.m.o.Detector != nil {
		text("detector", w.m.o.Detector.String())
	}
	if len(images) > 0 {
		b = append(b, `"images":[`...)
		for i, id := range images {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, '"'), id.String()...), '"')
		}
		b = append(b, `],`...)
	}
	b[len(b)-1] = '}'
	return b
}

// readHome notes the inside of an object as the place of the field, and has a
// field that is there already removed.
func readHome(s *jsonscan.Scanner, f *found, key string) error {
	home, kept := fieldHome{at: s.Pos() + 1}, 0
	err := s.Object(func(k jsonscan.Span) error {
		if err := s.Skip(); err != nil {
			return err
		}
		if jsonscan.Is(k.Of(s.Data()), key) {
			f.drop = removeMember(f.drop, s.Data(), k.Start-1, s.Pos(), kept)
			return nil
		}
		home.behind, kept = ",", s.Pos()
		return nil
	})
	f.home = home
	return err
}

// removeMember deletes the member at [start,end) with the comma that follows
// it; the last member goes with the comma before it, back to kept.
func removeMember(edits []jsonscan.Edit, payload []byte, start, end, kept int) []jsonscan.Edit {
	next := end
	for next < len(payload) && strings.IndexByte(" \t\r\n", payload[next]) >= 0 {
		next++
	}
	if next < len(payload) && payload[next] == ',' {
		return append(edits, jsonscan.Edit{At: start, Del: next + 1 - start})
	}
	if kept == 0 {
		return append(edits, jsonscan.Edit{At: start, Del: end - start})
	}
	for len(edits) > 0 && edits[len(edits)-1].At >= kept {
		edits = edits[:len(edits)-1]
	}
	return append(edits, jsonscan.Edit{At: kept, Del: end - kept})
}
