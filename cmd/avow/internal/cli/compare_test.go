package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"sync/atomic"
	"testing"

	"github.com/avowai/avow/disclose"
)

func TestCompareFindings(t *testing.T) {
	type finding = disclose.Finding
	const id, other = "9f3c52d07ab1e644", "0123456789abcdef"
	for _, c := range []struct {
		name          string
		before, after finding
		result, why   string
	}{
		{"kept", finding{Status: disclose.Verified, ID: id}, finding{Status: disclose.Verified, ID: id}, kept, ""},
		{"stronger", finding{Status: disclose.Present, ID: id}, finding{Status: disclose.Verified, ID: id}, kept, ""},
		{"lost", finding{Status: disclose.Verified, ID: id}, finding{Status: disclose.Absent}, lost, ""},
		{"wrong kind of file", finding{Status: disclose.Present}, finding{Status: disclose.NotChecked}, lost, "the second file is of a kind that cannot carry it"},
		{"too small", finding{Carrier: "image_mark", Status: disclose.Verified}, finding{Carrier: "image_mark", Status: disclose.NotChecked, Detail: "too few pixels"}, lost, "too few pixels"},
		{"no headers", finding{Carrier: "header", Status: disclose.Present}, finding{Carrier: "header", Status: disclose.NotChecked, Detail: "none given"}, unknown, "none given"},
		{"invalid", finding{Status: disclose.Verified}, finding{Status: disclose.Invalid, Detail: "hash"}, broken, "hash"},
		{"another id", finding{Status: disclose.Verified, ID: id}, finding{Status: disclose.Verified, ID: other}, broken, "it names " + other + " instead of " + id},
		{"another prefix", finding{Status: disclose.Verified, IDPrefix: "00"}, finding{Status: disclose.Verified, IDPrefix: "11"}, broken, "it names 11 instead of 00"},
		{"template only", finding{Status: disclose.Verified, ID: id}, finding{Status: disclose.Present, Detail: "public template only"}, broken, "public template only; its id can no longer be read"},
		{"weaker", finding{Status: disclose.Verified, ID: id}, finding{Status: disclose.Present, ID: id}, broken, ""},
		{"added", finding{Status: disclose.Absent}, finding{Status: disclose.Present}, added, ""},
		{"never there", finding{Status: disclose.Absent}, finding{Status: disclose.Absent}, "", ""},
		{"invalid before", finding{Status: disclose.Invalid}, finding{Status: disclose.Absent}, "", ""},
	} {
		if result, why := compareFindings(c.before, c.after); result != c.result || why != c.why {
			t.Errorf("%s: %q (%s), want %q (%s)", c.name, result, why, c.result, c.why)
		}
	}
}

// TestRecordNoLongerMatches: the mark is there, its content is not what was
// recorded. The reason is named, whichever it is.
func TestRecordNoLongerMatches(t *testing.T) {
	report := func(verdict disclose.Status, record string, reason disclose.Cause) *disclose.Report {
		return &disclose.Report{Verdict: verdict, Reason: reason, Record: disclose.RecordStatus{Status: record},
			Findings: []disclose.Finding{{Carrier: "image_mark", Status: verdict, ID: "1"}, {Carrier: "fingerprint", Status: verdict}}}
	}
	match := report(disclose.Verified, "match", disclose.CauseRecordMatches)
	for record, want := range map[string]string{"match": kept, "possible_copy": broken, "not_found": broken, "unavailable": kept, "not_asked": kept, "erased": broken} {
		got := changes(match, report(disclose.Verified, record, disclose.CausePossibleCopy))
		if resultOf(got) != want || want == broken && got[len(got)-1].Why != "possible_copy" {
			t.Errorf("%s: %+v, want %s", record, got, want)
		}
	}
	weaker := changes(match, report(disclose.Present, "possible_copy", disclose.CausePossibleCopy))
	if weaker[0].Result != broken || weaker[0].Why != "possible_copy" {
		t.Errorf("verified to present: %+v", weaker)
	}
	if got := changes(match, report(disclose.Absent, "not_asked", disclose.CauseNothingFound)); len(got) != 1 || got[0].Result != lost {
		t.Errorf("all marks lost: %+v, want one row", got)
	}
}

func TestOrdered(t *testing.T) {
	const jobs, n = 4, 500
	var begun atomic.Int32
	next := 0
	err := ordered(jobs, n, func(i int) int {
		begun.Add(1)
		return i
	}, func(i int) error {
		if i != next {
			t.Fatalf("got %d, want %d", i, next)
		}
		next++
		if ahead := int(begun.Load()) - next; ahead > 3*jobs {
			t.Fatalf("%d results wait for one before them", ahead)
		}
		return nil
	})
	if err != nil || next != n {
		t.Errorf("%d of %d, %v", next, n, err)
	}
	stop := errors.New("stop")
	begun.Store(0)
	err = ordered(jobs, n, func(int) int { return int(begun.Add(1)) }, func(int) error { return stop })
	if !errors.Is(err, stop) || begun.Load() > 4*jobs {
		t.Errorf("after an error %d were begun, %v", begun.Load(), err)
	}
	if err := ordered(jobs, 0, func(int) int { return 0 }, func(int) error { return stop }); err != nil {
		t.Errorf("nothing to do: %v", err)
	}
}

func TestJSONList(t *testing.T) {
	for _, n := range []int{0, 1, 2} {
		for _, bare := range []bool{false, n == 1} {
			var buf bytes.Buffer
			l := jsonList{w: &buf, bare: bare}
			for i := range n {
				if err := l.put(map[string]any{"i": i, "text": "a<b"}); err != nil {
					t.Fatal(err)
				}
			}
			if err := l.end(); err != nil || !json.Valid(buf.Bytes()) || bytes.Contains(buf.Bytes(), []byte(`\u003c`)) {
				t.Errorf("%d values, bare %v: %v\n%s", n, bare, err, buf.Bytes())
			}
		}
	}
}

func TestFilesIn(t *testing.T) {
	h := newHome(t)
	for _, name := range []string{"d/b.PNG", "d/a/z.mp4", "d/a/.x.png", "d/.git/y.png", "d/c.csv", "d/e.JSONL"} {
		h.write(name, []byte("x"))
	}
	if err := os.Symlink("d", "link"); err != nil {
		t.Skip("no symbolic links here")
	}
	_ = os.Symlink("b.PNG", "d/l.png")
	for _, dir := range []string{"d", "d/", "link"} {
		files, err := filesIn(dir, isVerifiable)
		if err != nil || len(files) != 3 {
			t.Errorf("%s: %q, %v; want z.mp4, b.PNG and e.JSONL", dir, files, err)
		}
	}
}
