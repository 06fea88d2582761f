package cli

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/avowai/avow/disclose"
)

// What became of one mark between two files.
const (
	kept    = "kept"
	lost    = "lost"
	broken  = "broken"
	added   = "added"
	unknown = "unknown" // could not be looked at in the second file
)

// What became of a pair of files beside kept, lost and broken.
const (
	nothing    = "nothing" // the first file carries no mark
	unreadable = "unreadable"
)

// A change says what a pipeline did to one mark.
type change struct {
	Carrier string          `json:"carrier"` // or "record"
	Before  disclose.Status `json:"before"`
	After   disclose.Status `json:"after"`
	Result  string          `json:"result"`
	Why     string          `json:"why,omitempty"`
}

// changes compares what two reports say of each carrier, and of the record.
func changes(before, after *disclose.Report) (out []change) {
	findings := map[string]disclose.Finding{}
	for _, f := range after.Findings {
		findings[f.Carrier] = f
	}
	for _, b := range before.Findings {
		if b.Carrier == disclose.CarrierFingerprint.String() { // no mark: the record's row speaks of it
			continue
		}
		a, ok := findings[b.Carrier]
		if !ok {
			a = disclose.Finding{Carrier: b.Carrier, Status: disclose.NotChecked}
		}
		result, why := compareFindings(b, a)
		switch {
		case result == "":
			continue
		case result == broken && why == "":
			why = string(after.Reason)
		}
		out = append(out, change{b.Carrier, b.Status, a.Status, result, why})
	}
	return append(out, recordChange(before, after)...)
}

// recordChange says whether content still is what was recorded. It is no mark of
// its own: it is named where the marks are there and the record no longer agrees.
func recordChange(before, after *disclose.Report) []change {
	const match = "match"
	if before.Record.Status != match || after.Record.Status == match || !after.Marked() {
		return nil
	}
	c := change{"record", disclose.Verified, disclose.Present, broken, string(after.Reason)}
	if after.Record.Status == "unavailable" || after.Record.Status == "not_asked" {
		c.After, c.Result, c.Why = disclose.NotChecked, unknown, "the record could not be asked"
	}
	return []change{c}
}

func holds(s disclose.Status) bool { return s == disclose.Present || s == disclose.Verified }

// compareFindings says what became of one carrier's mark, and why; "" where there
// was none before or after.
func compareFindings(b, a disclose.Finding) (result, why string) {
	switch {
	case !holds(b.Status) && holds(a.Status):
		return added, ""
	case !holds(b.Status):
		return "", ""
	case a.Status == disclose.Invalid:
		return broken, a.Detail
	case a.Status == disclose.Absent:
		return lost, ""
	case !holds(a.Status):
		return unlooked(a)
	case a.Succeeds(b):
		return kept, "in a new manifest whose parent it is"
	case a.Replaces(b):
		return lost, "another manifest took its place, which does not name it as its parent"
	}
	return compareIDs(b, a)
}

// unlooked is the result for a mark that was not checked in the second file.
func unlooked(a disclose.Finding) (result, why string) {
	switch {
	case a.Detail == "":
		return lost, "the second file is of a kind that cannot carry it"
	case a.Carrier == disclose.CarrierImageMark.String():
		return lost, a.Detail // too small to tell
	}
	return unknown, a.Detail
}

func compareIDs(b, a disclose.Finding) (result, why string) {
	was, is := cmp.Or(b.ID, b.IDPrefix), cmp.Or(a.ID, a.IDPrefix)
	switch {
	case was != "" && is == "":
		return broken, strings.TrimPrefix(a.Detail+"; its id can no longer be read", "; ")
	case was != "" && was != is:
		return broken, fmt.Sprintf("it names %s instead of %s", is, was)
	case b.Status == disclose.Verified && a.Status == disclose.Present:
		return broken, a.Detail
	}
	return kept, ""
}

// A comparison is what became of one file.
type comparison struct {
	Before string   `json:"before"`
	After  string   `json:"after,omitempty"`
	Result string   `json:"result"`
	Marks  []change `json:"marks"`
	Error  string   `json:"error,omitempty"`
	err    error
}

// resultOf is the worst that happened to a mark.
func resultOf(marks []change) string {
	result := nothing
	rank := map[string]int{nothing: 0, added: 0, unknown: 1, kept: 2, lost: 3, broken: 4}
	for _, m := range marks {
		if rank[m.Result] > rank[result] {
			result = m.Result
		}
	}
	return result
}

// totals are what became of all marks.
type totals struct {
	Pairs      int `json:"pairs"`
	Marks      int `json:"marks"` // of the first files
	Kept       int `json:"kept"`
	Lost       int `json:"lost"`
	Broken     int `json:"broken"`
	Unknown    int `json:"unknown"`
	Added      int `json:"added"`
	Unreadable int `json:"unreadable"` // pairs
	by         map[string]map[string]int
}

func (t *totals) add(c comparison) {
	t.Pairs++
	if c.Result == unreadable {
		t.Unreadable++
	}
	for _, m := range c.Marks {
		if m.Result != added {
			t.Marks++
		}
		*map[string]*int{kept: &t.Kept, lost: &t.Lost, broken: &t.Broken, unknown: &t.Unknown, added: &t.Added}[m.Result]++
		if t.by == nil {
			t.by = map[string]map[string]int{}
		}
		if t.by[m.Result] == nil {
			t.by[m.Result] = map[string]int{}
		}
		t.by[m.Result][m.Carrier]++
	}
}

// sentence is the verdict for a person.
func (t *totals) sentence() string {
	var s string
	switch {
	case t.Marks == 0 && t.Unreadable == t.Pairs:
		return "Nothing could be compared."
	case t.Marks == 0:
		s = "The original carries no mark: there was nothing to keep."
	case t.Kept == t.Marks:
		s = fmt.Sprintf("Every mark was kept (%d).", t.Marks)
	default:
		parts := []string{fmt.Sprintf("Of %s %d kept", counted(t.Marks, "mark"), t.Kept)}
		for _, r := range []struct {
			n    int
			name string
		}{{t.Lost, lost}, {t.Broken, broken}, {t.Unknown, unknown}} {
			if r.n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s (%s)", r.n, r.name, t.carriers(r.name)))
			}
		}
		s = strings.Join(parts, ", ") + "."
	}
	if t.Unreadable > 0 {
		s += fmt.Sprintf(" %s could not be compared.", counted(t.Unreadable, "pair"))
	}
	return s
}

// carriers lists the carriers with a result, in the order of reports.
func (t *totals) carriers(result string) string {
	var out []string
	for _, c := range disclose.Carriers() {
		if n := t.by[result][c.String()]; n == 1 || n > 1 && t.Pairs == 1 {
			out = append(out, c.String())
		} else if n > 1 {
			out = append(out, fmt.Sprintf("%s %d", c, n))
		}
	}
	if t.by[result]["record"] > 0 {
		out = append(out, "record")
	}
	return strings.Join(out, ", ")
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
