package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
)

// print writes the document.
func (s *soak) print(out io.Writer) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
	p("`go run ./bench/soak -minutes %g -rate %g -every %v -side %d -faults %v`: %s, %s/%s, %d cores", s.c.minutes, s.c.rate, s.c.every, s.c.side, s.c.between,
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	p("\n**%s** Client, backend and avow, with its SQLite ledger and the strict profile, ran %.1f minutes as three", s.verdict(), s.took.Minutes())
	p("processes on one machine: 70 %% streams of %d events, 25 %% JSON, 5 %% pictures of %d x %d.", events, s.c.side, s.c.side)
	for _, b := range s.broken {
		p("- broken: %s", b)
	}
	s.printProcess(p)
	s.printAnswers(p)
	s.printSamples(p)
}

func (s *soak) verdict() string {
	if len(s.broken) == 0 {
		return "Every promise was kept."
	}
	return fmt.Sprintf("%d promises were broken.", len(s.broken))
}

func (s *soak) printProcess(p func(string, ...any)) {
	p("\n## The process\n\n| | at rest before | at rest after | most while under load | growth in the second half |\n| --- | --- | --- | --- | --- |")
	for _, row := range []struct {
		name, unit string
		of         func(sample) float64
	}{
		{"resident memory", "MiB", func(m sample) float64 { return m.resident }},
		{"live heap after collection", "MiB", func(m sample) float64 { return m.live }},
		{"goroutines", "", func(m sample) float64 { return m.goroutines }},
		{"open descriptors", "", func(m sample) float64 { return m.opened }},
	} {
		most := 0.0
		for _, m := range s.samples {
			most = max(most, row.of(m))
		}
		growth := ""
		if row.unit != "" {
			slope, deviation := s.slope(row.of)
			growth = fmt.Sprintf("%.1f ± %.1f %s an hour", slope, 2*deviation, row.unit)
		}
		p("| %s | %.0f %s | %.0f %s | %.0f %s | %s |", row.name, row.of(s.before), row.unit, row.of(s.after), row.unit, most, row.unit, growth)
	}
	p("\nGrowth is a straight line by least squares, give or take two standard errors. A growth of memory of more than")
	p("%.0f MiB an hour beyond that, or %.0f goroutines or descriptors more at rest, is a broken promise.", s.c.slope, s.c.descriptor)
	p("Open streams and descriptors under load follow the load. avow took %.0f %% of one core.", 100*(s.after.processor-s.before.processor)/s.took.Seconds())
}

func (s *soak) printAnswers(p func(string, ...any)) {
	p("\n## Answers\n\n| what came | how often |\n| --- | --- |")
	for _, k := range slices.Sorted(maps.Keys(s.counts)) {
		p("| %s | %d |", k, s.counts[k])
	}
	p("\nOf every stream the client checks the number of each event, the end, the notice, the field and the header; of all")
	p("others the field and the header, and of chat answers the notice. %d faults came, one every %v in turn:", len(s.faults), s.c.between)
	for _, f := range faults {
		p("- %s", f.name)
	}
	p("\n## Ledger\n\n`avow ledger verify`: %s\n", s.ledger.verdict)
	p("| records | |\n| --- | --- |")
	for _, k := range slices.Sorted(maps.Keys(s.ledger.records)) {
		p("| %s | %d |", k, s.ledger.records[k])
	}
	p("| ids of whole answers | %d |\n| of them without a record | %d |", len(s.answers), s.ledger.missing)
	var names []string
	for name := range s.metrics {
		if strings.HasPrefix(name, "avow_ledger_writes_total{") || strings.HasPrefix(name, "avow_skipped_total{") && s.metrics[name] > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		p("| `%s` | %.0f |", name, s.metrics[name])
	}
}

func (s *soak) printSamples(p func(string, ...any)) {
	p("\n## Samples\n\n| minute | resident MiB | live heap MiB | goroutines | descriptors | streams |\n| --- | --- | --- | --- | --- | --- |")
	every := max(1, len(s.samples)/20)
	for i, m := range s.samples {
		if i%every == every-1 {
			p("| %.1f | %.0f | %.1f | %.0f | %.0f | %.0f |", m.at.Minutes(), m.resident, m.live, m.goroutines, m.opened, m.streams)
		}
	}
}

func lastLine(out []byte) string {
	out = bytes.TrimSpace(out)
	return string(out[bytes.LastIndexByte(out, '\n')+1:])
}
