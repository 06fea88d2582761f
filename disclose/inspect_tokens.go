package disclose

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/avowai/avow/internal/jsonscan"
	"github.com/avowai/avow/watermark/tokenmark"
)

// maxAnswers bounds the alternatives of one saved answer whose tokens are read.
const maxAnswers = 16

// readTokens looks for a backend's own mark in the token ids of a saved answer,
// which vLLM adds where the request said return_token_ids. Every alternative is
// a text of its own, so their number multiplies the false positive rate.
func (in *inspection) readTokens(payloads [][]byte) {
	profiles := in.d.o.TokenProfiles
	if len(profiles) == 0 {
		return
	}
	ids := tokenIDs(payloads)
	switch {
	case len(ids) == 0:
		in.set(CarrierTokenMark, Finding{Status: NotChecked, Detail: "no token ids given: ask the backend for return_token_ids"})
		return
	case len(ids) > maxAnswers:
		in.set(CarrierTokenMark, Finding{Status: NotChecked, Detail: fmt.Sprintf("more than %d alternatives", maxAnswers)})
		return
	}
	in.set(CarrierTokenMark, tokenFinding(ids, profiles))
}

// tokenFinding reports on the alternative that goes best along with a profile.
func tokenFinding(ids map[int][]int32, profiles []tokenmark.Profile) Finding {
	var best tokenmark.Detection
	rate := 1.0
	for _, text := range ids {
		found, err := tokenmark.Detect(text, profiles...)
		if err != nil {
			return Finding{Status: NotChecked, Detail: err.Error()}
		}
		d := slices.MinFunc(found, func(a, b tokenmark.Detection) int { return cmp.Compare(a.LogP, b.LogP) })
		if r := min(1, d.FalsePositiveRate*float64(len(ids))); r < rate || best.Tokens == 0 {
			best, rate = d, r
		}
	}
	f := Finding{Status: Absent, Detail: fmt.Sprintf("%d tokens, too little evidence of a mark", best.Tokens)}
	if rate <= tokenmark.Threshold {
		f = Finding{Status: Verified, reason: CauseKeyMatches, KeyID: best.KeyID, Score: best.Score, FalsePositiveRate: rate,
			Detail: fmt.Sprintf("%s, %d of %d tokens counted", best.Scheme, best.Scored, best.Tokens)}
	}
	return f
}

// tokenIDs collects the generated ids of each alternative, through the pieces
// of a stream. A payload that is an array of numbers is one text.
func tokenIDs(payloads [][]byte) map[int][]int32 {
	all := map[int][]int32{}
	for _, payload := range payloads {
		s := jsonscan.New(payload)
		var err error
		switch kind := s.Kind(); {
		case kind == jsonscan.Array && len(payloads) == 1:
			err = readIDs(s, all, 0)
		case kind == jsonscan.Object:
			err = s.Object(func(key jsonscan.Span) error {
				switch k := key.Of(payload); {
				case jsonscan.Is(k, "choices"):
					return eachObject(s, func(i int) error { return choiceIDs(s, i, all) })
				case jsonscan.Is(k, "token_ids"), jsonscan.Is(k, "output_ids"):
					return readIDs(s, all, 0)
				}
				return nil
			})
		}
		if err != nil {
			return nil
		}
	}
	return all
}

func choiceIDs(s *jsonscan.Scanner, i int, all map[int][]int32) error {
	voice, mine := i, map[int][]int32{}
	err := s.Object(func(key jsonscan.Span) error {
		switch k := key.Of(s.Data()); {
		case jsonscan.Is(k, "index"):
			return readNumber(s, &voice)
		case jsonscan.Is(k, "token_ids"):
			return readIDs(s, mine, 0)
		}
		return nil
	})
	if len(mine[0]) > 0 {
		all[voice] = append(all[voice], mine[0]...)
	}
	return err
}

// readIDs reads an array of token ids; what is none ends the text's evidence.
func readIDs(s *jsonscan.Scanner, all map[int][]int32, voice int) error {
	if s.Kind() != jsonscan.Array {
		return nil
	}
	return s.Array(func(int) error {
		s.Kind()
		start := s.Pos()
		if err := s.Skip(); err != nil {
			return err
		}
		id, err := strconv.ParseInt(string(s.Data()[start:s.Pos()]), 10, 32)
		if err != nil || id < 0 {
			return jsonscan.ErrSyntax
		}
		all[voice] = append(all[voice], int32(id))
		return nil
	})
}
