package page

import (
	"encoding/base64"
	"html/template"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/avowai/avow/disclose"
)

// ratesAddress is where the error rates of the marks are published.
const ratesAddress = "https://github.com/avowai/avow/blob/main/docs/spec/image-mark.md"

// A view is what the template shows.
type view struct {
	T                    map[string]string // texts by key
	Title                string            // of the window
	Lang, Dir            string
	Path, CSS, JS, Icon  string
	RunBy, Max, TooLarge string
	ID, FromLabel        string // the number that the code of a visible label gives
	MaxUpload            int64
	Links                bool
	API, Keys, Contact   string
	Languages            []choice
	Result               *result
	Problem              *trouble

	Thanks, Text bool

	answer  *Answer
	problem *Problem
}

// A choice is one language of the menu.
type choice struct {
	Tag, Name string
	Chosen    bool
}

// A trouble is a problem in words.
type trouble struct{ Text, ID string }

// A result is a report in words.
type result struct {
	Tone, Badge                   string
	Summary, Limits, SentenceLang string
	Absent                        bool // the limits stand beside the summary
	Unknown                       bool // why nothing was looked for matters most
	Meaning, SHA256               string
	Facts                         []fact
	Looked, NotLooked             []look
	About                         []fact
	Plain, Signed                 template.URL
	Rates                         string
}

// A fact is a name and a value; When is the value's time for programs.
type fact struct{ Name, Value, When string }

// A look is what one carrier said. Detail is in English.
type look struct {
	Name, State, Tone, Detail string
	Notes                     []string
}

// fill puts all that the template needs into v.
func (h *handler) fill(v *view, w words) {
	v.T, v.Lang, v.Dir = w.texts, w.tag.String(), disclose.Direction(w.tag)
	v.Path, v.CSS, v.JS, v.Icon = h.o.Path, h.css, h.js, h.icon
	v.MaxUpload, v.Links, v.Text = h.o.MaxUpload-formSpace, h.o.Links, !h.o.NoText
	size := bytesText(h.o.MaxUpload)
	v.Max, v.TooLarge = w.say("file_hint", "max", size), w.say("p_too_large", "max", size)
	if who := strings.Trim(h.o.Provider+", "+h.o.System, ", "); who != "" {
		v.RunBy = w.say("run_by", "who", disclose.Printable(who))
	}
	if v.ID != "" {
		v.FromLabel = w.say("from_label", "id", v.ID)
	}
	v.API, v.Keys, v.Contact = h.o.API, h.o.Keys, address(h.o.Contact)
	for _, tag := range disclose.Languages() {
		if of, ok := wordsByLanguage()[tag.String()]; ok {
			v.Languages = append(v.Languages, choice{tag.String(), of.texts["self"], tag == w.tag})
		}
	}
	v.Title = w.texts["title"]
	switch {
	case v.problem != nil:
		v.Problem = troubleOf(v.problem, w, v.TooLarge)
		v.Title = w.texts["problem"] + " – " + v.Title
	case v.answer != nil:
		v.Result = resultOf(v.answer, w)
		v.Title = v.Result.Badge + " – " + v.Title
	case v.Thanks:
		v.Title = w.texts["thanks"] + " – " + v.Title
	}
}

// address makes a link of a contact: a mail address is written to.
func address(contact string) string {
	if strings.Contains(contact, "@") && !strings.Contains(contact, ":") {
		return "mailto:" + contact
	}
	return contact
}

func troubleOf(p *Problem, w words, tooLarge string) *trouble {
	t := &trouble{}
	switch p.Kind {
	case TooLarge:
		t.Text = tooLarge
	case TooMany, Busy:
		t.Text = w.say("p_"+string(p.Kind), "n", strconv.FormatInt(max(seconds(p.Wait), 1), 10))
	case Unreadable, NearTheSame, BadLink, TextRefused, NoFeedback:
		t.Text = w.texts["p_"+string(p.Kind)]
	default:
		t.Text = w.texts["p_failed"]
	}
	if p.RequestID != "" && p.Status >= http.StatusInternalServerError {
		t.ID = w.say("p_id", "id", disclose.Printable(p.RequestID))
	}
	return t
}

func resultOf(a *Answer, w words) *result {
	r := a.Report.Public() // a page is for strangers, whoever asks
	out := &result{Summary: r.Summary, Limits: r.Limits, SentenceLang: "en", Rates: ratesAddress, SHA256: disclose.Printable(r.SHA256)}
	if a.Language != language.Und {
		out.SentenceLang = a.Language.String()
	}
	tone, badge, meaning := judge(r)
	out.Tone, out.Badge = tone, w.texts[badge]
	if meaning != "" {
		out.Meaning = w.texts[meaning]
	}
	out.Unknown = tone == "unknown"
	out.Absent = out.Unknown || tone == "none"
	lead := leading(r)
	out.Facts = facts(r, lead, w)
	for i, f := range r.Findings {
		l := lookOf(f, i == lead, w)
		if f.Status == disclose.NotChecked {
			out.NotLooked = append(out.NotLooked, l)
			continue
		}
		out.Looked = append(out.Looked, l)
	}
	out.About = about(a, w)
	out.Plain = dataURL("application/json", a.JSON)
	out.Signed = dataURL("application/jose", a.Signed)
	return out
}

// judge says how a report looks: the tone of its colours and symbol, the few
// words above the summary, and what else to say about it. Nothing is ticked off,
// and absence has no colour.
func judge(r *disclose.Report) (tone, badge, meaning string) {
	switch r.Reason {
	case disclose.CauseRecordMatches:
		return "match", "badge_match", ""
	case disclose.CauseFingerprintOnly:
		return "found", "badge_record", ""
	case disclose.CauseSignatureUntrust:
		return "found", "badge_statement", "mean_signature"
	case disclose.CauseSignatureTrusted, disclose.CauseStatementOnly:
		return "found", "badge_statement", ""
	case disclose.CausePossibleCopy, disclose.CauseRevokedKey:
		return "doubt", "badge_doubt", ""
	case disclose.CauseTooSmall:
		return "unknown", "badge_unknown", "mean_small"
	}
	switch r.Verdict {
	case disclose.Invalid:
		return "bad", "badge_invalid", ""
	case disclose.Verified, disclose.Present:
		return "found", "badge_found", ""
	case disclose.Absent:
		return "none", "badge_none", "mean_other"
	}
	return "unknown", "badge_unknown", ""
}

// leading is the carrier that the facts speak of: the strongest with a rate,
// else the strongest with a key; -1 for none.
func leading(r *disclose.Report) int {
	best, score := -1, 0
	for i, f := range r.Findings {
		s := 0
		if f.FalsePositiveRate > 0 {
			s = 4
		}
		if f.KeyID != "" {
			s += 2
		}
		if s > 0 && f.Status == disclose.Verified {
			s++
		}
		if s > score {
			best, score = i, s
		}
	}
	return best
}

func facts(r *disclose.Report, lead int, w words) (out []fact) {
	add := func(key, value, when string) {
		if value != "" {
			out = append(out, fact{w.texts[key], value, when})
		}
	}
	if status := r.Record.Status; lead >= 0 || status != "not_asked" && status != "" {
		add("record", sentence(disclose.RecordText(w.tag, status)), "")
	}
	add("system", disclose.Printable(r.Record.System), "")
	if at, err := time.Parse(time.RFC3339, r.Record.Time); err == nil {
		add("made", clock(at), r.Record.Time)
	}
	if lead >= 0 {
		f := r.Findings[lead]
		add("sure", rate(f, w), "")
		add("part", place(f, w), "")
		add("id", disclose.Printable(number(f)), "")
		add("key", disclose.Printable(f.KeyID), "")
	}
	return out
}

// sentence makes a sentence's beginning of words, and of foreign ones nothing else.
func sentence(words string) string {
	first, n := utf8.DecodeRuneInString(words)
	return disclose.Printable(string(unicode.ToUpper(first)) + words[n:])
}

// lookOf is what one carrier said. The notes of the leading one stand above.
func lookOf(f disclose.Finding, leads bool, w words) look {
	l := look{Name: w.texts[f.Carrier], State: state(f, w), Tone: string(f.Status), Detail: disclose.Printable(f.Detail)}
	if leads {
		return l
	}
	for _, note := range []string{rate(f, w), place(f, w)} {
		if note != "" {
			l.Notes = append(l.Notes, note)
		}
	}
	if n := number(f); n != "" {
		l.Notes = append(l.Notes, w.texts["id"]+": "+disclose.Printable(n))
	}
	if f.KeyID != "" {
		l.Notes = append(l.Notes, w.texts["key"]+": "+disclose.Printable(f.KeyID))
	}
	return l
}

// state says a finding's status. Of one that is vouched for it says by what, and of
// manifests whether the signer is trusted.
func state(f disclose.Finding, w words) string {
	manifest := f.Carrier == disclose.CarrierManifest.String()
	switch {
	case manifest && f.Status == disclose.Verified:
		return w.texts["signed"]
	case manifest && f.Status == disclose.Present:
		return w.texts["unsigned"]
	case f.KeyID != "" && f.Status == disclose.Verified:
		return w.texts["keyed"]
	}
	return sentence(disclose.StatusText(w.tag, f.Status))
}

func number(f disclose.Finding) string {
	if f.ID == "" && f.IDPrefix != "" {
		return f.IDPrefix + "…"
	}
	return f.ID
}

// rate says how often a carrier is found where nobody put it.
func rate(f disclose.Finding, w words) string {
	if f.FalsePositiveRate <= 0 || f.Status == disclose.Absent || f.Status == disclose.NotChecked {
		return ""
	}
	key := "rate_text"
	if f.Carrier == disclose.CarrierImageMark.String() {
		key = "rate_image"
	}
	decade := int(math.Floor(-math.Log10(f.FalsePositiveRate) + 1e-9))
	if decade == 6 {
		return w.texts[key+"_million"]
	}
	return w.say(key, "n", grouped(max(decade, 0)))
}

// grouped is a power of ten with thin spaces (ISO 80000-1, 7.3.1).
func grouped(decade int) string {
	digits := "1" + strings.Repeat("0", min(decade, 15))
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "\u202f" + digits[i:]
	}
	return digits
}

// place says which part of a picture an image mark was seen in: a mark in a
// corner says nothing about the rest.
func place(f disclose.Finding, w words) string {
	if f.Carrier != disclose.CarrierImageMark.String() || f.KeyID == "" || f.FalsePositiveRate <= 0 {
		return ""
	}
	return w.texts["part_"+strconv.Itoa(int(math.Round(4*min(max(f.Coverage, 0), 1))))]
}

// about says when, with what and under which keys an input was checked.
func about(a *Answer, w words) []fact {
	at := a.Time.UTC()
	tool := a.Report.Tool
	out := []fact{
		{w.texts["at"], clock(at), at.Format(time.RFC3339)},
		{w.texts["tool"], disclose.Printable(strings.TrimSpace(tool.Name + " " + tool.Version)), ""},
	}
	if len(a.KeyIDs) > 0 {
		out = append(out, fact{w.texts["keys"], disclose.Printable(strings.Join(a.KeyIDs, ", ")), ""})
	}
	return append(out, fact{w.texts["sum"], disclose.Printable(a.Report.SHA256), ""})
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// dataURL is content as an address that holds it: keeping it needs neither a
// script nor a second question, and nothing is stored for it meanwhile.
func dataURL(contentType string, body []byte) template.URL {
	if len(body) == 0 {
		return ""
	}
	return template.URL("data:" + contentType + ";base64," + base64.StdEncoding.EncodeToString(body))
}

func bytesText(n int64) string {
	if n >= 1<<20 {
		return strconv.FormatInt(n>>20, 10) + "\u00a0MiB"
	}
	return strconv.FormatInt(max(n>>10, 1), 10) + "\u00a0KiB"
}
