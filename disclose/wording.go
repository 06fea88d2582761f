package disclose

import (
	_ "embed"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// wording.tsv holds what a report says to people, one cell a line, for the
// languages of notices.tsv: the sentence of every cause, the sentence on limits,
// and short names of carriers, statuses and record statuses. English, which comes
// first, is the source. No native speaker has confirmed the others.
//
// They say what was found and never who or what made a thing. "This content" is
// what was asked about, "this service" stands where the English sentences have
// "this deployment", a recorded output is called that of an AI system, and each
// language has one word for a mark.
//
//go:embed wording.tsv
var wordingTSV string

// The kinds of cells in wording.tsv.
const (
	wordsSummary = "summary"
	wordsLimits  = "limits"
	wordsCarrier = "carrier"
	wordsStatus  = "status"
	wordsRecord  = "record"
)

// A wordKey names a cell of wording.tsv.
type wordKey struct{ lang, kind, key string }

var reportWords = parseWords(wordingTSV)

// parseWords reads the cells below the heading.
func parseWords(tsv string) map[wordKey]string {
	words := map[wordKey]string{}
	_, body, _ := strings.Cut(tsv, "\n")
	for line := range strings.SplitSeq(strings.TrimSpace(body), "\n") {
		if f := strings.Split(line, "\t"); len(f) == 4 {
			words[wordKey{f[0], f[1], f[2]}] = f[3]
		}
	}
	return words
}

// word is a cell in a language, in English where the language has no notice.
func word(tag language.Tag, kind, key string) string {
	return reportWords[wordKey{baseOf(find(tag).tag), kind, key}]
}

// wordOr is a cell, or its key where there is none.
func wordOr(tag language.Tag, kind, key string) string {
	if text := word(tag, kind, key); text != "" {
		return text
	}
	return key
}

// SummaryText returns the sentence of a cause in one of [Languages], by the base
// of the tag, else in English. For a cause outside the set it is empty.
func SummaryText(tag language.Tag, c Cause) string { return word(tag, wordsSummary, string(c)) }

// LimitsText returns [Limits] in one of [Languages], by the base of the tag,
// else in English.
func LimitsText(tag language.Tag) string { return word(tag, wordsLimits, wordsLimits) }

// CarrierName returns what people are told a carrier is called, in one of
// [Languages], by the base of the tag, else in English. What is in no report
// keeps its code.
func CarrierName(tag language.Tag, c Carrier) string { return wordOr(tag, wordsCarrier, c.String()) }

// StatusText returns what people are told a finding's status is, in one of
// [Languages], by the base of the tag, else in English: "found" rather than
// "present", and never "verified" by itself. Another status is returned as it is.
func StatusText(tag language.Tag, s Status) string { return wordOr(tag, wordsStatus, string(s)) }

// RecordText returns what people are told a [RecordStatus] means, in one of
// [Languages], by the base of the tag, else in English. Another status is
// returned as it is.
func RecordText(tag language.Tag, status string) string { return wordOr(tag, wordsRecord, status) }

// In returns a copy of the report whose Summary and Limits are in one of
// [Languages], by the base of the tag, else in English; Language says which, and
// is empty for English. Codes and details stay as they are.
func (r *Report) In(tag language.Tag) *Report {
	out := *r
	out.Findings, out.Language = slices.Clone(r.Findings), ""
	if base := baseOf(find(tag).tag); base != "en" {
		out.Language = base
	}
	if text := SummaryText(tag, r.Reason); text != "" {
		out.Summary = text
	}
	out.Limits = LimitsText(tag)
	return &out
}
