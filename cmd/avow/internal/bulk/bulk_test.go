package bulk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWalk(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.png", "a/z.png", "a/.x.png", ".git/y.png", "c.csv", "out/d.png"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := os.Stat(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	isPNG := func(name string) bool { return filepath.Ext(name) == ".png" }
	var got []string
	for path, err := range Walk(dir, isPNG, out) {
		if err != nil {
			t.Fatal(err)
		}
		rel, _ := filepath.Rel(dir, path)
		got = append(got, filepath.ToSlash(rel))
	}
	if want := []string{"a/z.png", "b.png"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for range Walk(dir, isPNG) {
		break // does not go on after that
	}
	for _, err := range Walk(filepath.Join(dir, "nowhere"), isPNG) {
		if err == nil {
			t.Error("a directory that is not there was walked")
		}
	}
}

func TestMeter(t *testing.T) {
	now := time.Unix(0, 0)
	var buf bytes.Buffer
	m := NewMeter(&buf, false, true, func() time.Time { return now })
	m.SetTotal(100)
	for range 50 {
		now = now.Add(time.Second / 2)
		m.Step()
	}
	if want := "avow: 20 of 100 files, 2/s, 40s left\navow: 40 of 100 files, 2/s, 30s left\n"; buf.String() != want {
		t.Errorf("lines %q, want %q", buf.String(), want)
	}
	buf.Reset()
	m = NewMeter(&buf, true, false, func() time.Time { return now })
	m.Step()
	now = now.Add(2 * time.Second)
	m.Step()
	m.SetTotal(4)
	now = now.Add(time.Second)
	m.Step()
	if err := m.Aside(func() error { buf.WriteString("aside\n"); return nil }); err != nil {
		t.Fatal(err)
	}
	m.Done()
	for _, want := range []string{"\r\x1b[K2 files, 1/s", "[======================        ] 3 of 4 files, 1/s, 1s left\r\x1b[Kaside\n"} {
		if !strings.Contains(buf.String(), want) {
			t.Errorf("terminal %q, want %q in it", buf.String(), want)
		}
	}
	if got := about(90*time.Minute + 20*time.Second); got != "1h30m" {
		t.Errorf("about = %s", got)
	}
}

func TestSummary(t *testing.T) {
	for _, failures := range []int{0, 1, 3} {
		s := NewSummary(Totals{Command: "mark", Inputs: []string{"in"}, Output: "out"}, true)
		s.Add("marked", "", 10, 20)
		for i := range failures {
			s.Add("failed", "too_small", 1, 0)
			if err := s.Fail(Failure{Path: fmt.Sprintf("%d \"<\n.png", i), Reason: "too_small", Error: "x"}); err != nil {
				t.Fatal(err)
			}
		}
		var buf bytes.Buffer
		if err := s.Write(&buf, true); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Totals
			Failed []Failure `json:"failed"`
		}
		if err := json.Unmarshal(buf.Bytes(), &got); err != nil {
			t.Fatalf("%v\n%s", err, buf.Bytes())
		}
		if got.Files != int64(1+failures) || got.Outcomes["marked"] != 1 || got.Reasons["too_small"] != int64(failures) || !got.Finished ||
			got.BytesIn != int64(10+failures) || got.BytesOut != 20 || got.Failed == nil || len(got.Failed) != failures {
			t.Errorf("%s", buf.Bytes())
		}
		if failures > 0 && got.Failed[0].Path != "0 \"<\n.png" {
			t.Errorf("path %q", got.Failed[0].Path)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
