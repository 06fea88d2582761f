package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

func (a *app) verify() *cobra.Command {
	var asJSON, before bool
	var headers, roots []string
	var file string
	cmd := &cobra.Command{
		Use:   "verify FILE|DIR|-...",
		Short: "Say which marks files carry",
		Long: "Reads images (PNG, JPEG, WebP), manifests of WAV, MP3 and MP4 files, saved API answers (JSON, SSE,\nNDJSON), text and HTML.\n" +
			"Exit code 0: every input carries a mark and none is invalid; 1: some input carries none, or an\ninvalid one; 2: an input could not be read.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return hint(errors.New("nothing to verify"), "name a file, a directory, or - for standard input")
			}
			header, err := parseHeaders(headers)
			if err != nil {
				return err
			}
			d, done, err := a.detector(cmd.Context(), file, roots)
			if err != nil {
				return err
			}
			defer done()
			v := &verifier{a: a, d: d, header: header, json: asJSON}
			if before {
				return v.compare(cmd.Context(), args)
			}
			return v.run(cmd.Context(), args)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: one object for one input, an array for several")
	cmd.Flags().StringArrayVar(&roots, "roots", nil, "PEM file of certificates that signers of manifests are checked against")
	cmd.Flags().StringVar(&file, "config", "", "configuration file: its notices and its backend's marks are looked for too")
	cmd.Flags().BoolVar(&before, "before", false, "compare two files: which marks a pipeline between them lost, broke or kept")
	cmd.Flags().StringArrayVar(&headers, "header", nil, "a response header field that came with the input, as 'Name: value'")
	return cmd
}

// detector is what reads inputs; done closes the ledger that it asks.
func (a *app) detector(ctx context.Context, file string, roots []string) (d *disclose.Detector, done func(), err error) {
	c, err := loadConfig(file)
	if err != nil {
		return nil, nil, err
	}
	ring, err := a.ring(c.Keys.File)
	if err != nil {
		return nil, nil, err
	}
	profiles, err := c.Backend.Profiles()
	if err != nil {
		return nil, nil, hint(err, "the file holds the number that the backend's watermark key is, and nothing else")
	}
	trust, err := trustOf(c, roots)
	if err != nil {
		return nil, nil, err
	}
	l, err := a.openLedger(ctx, c, ring, watermark.Key{}, ledgerRead, "verify")
	if err != nil {
		return nil, nil, err
	}
	d, err = disclose.NewDetector(disclose.DetectorOptions{
		Keys: verifyKeys(ring), Records: recordsOf(l), Version: buildVersion(), Jobs: runtime.GOMAXPROCS(0), Trust: trust,
		Notices: c.Notice.Text, Principal: c.Notice.Principal, TokenProfiles: profiles,
	})
	return d, func() { a.closeLedger(l) }, err
}

func parseHeaders(lines []string) (map[string][]string, error) {
	if len(lines) == 0 {
		return nil, nil
	}
	h := map[string][]string{}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, hint(fmt.Errorf("--header %q is not a header field", line), "write it as 'AI-Disclosure: mode=machine-generated'")
		}
		name = strings.TrimSpace(name)
		h[name] = append(h[name], strings.TrimSpace(value))
	}
	return h, nil
}

// A verifier runs one avow verify.
type verifier struct {
	a      *app
	d      *disclose.Detector
	header map[string][]string
	json   bool
}

// outcome is what became of one input.
type outcome struct {
	report *disclose.Report
	err    error
}

func (v *verifier) run(ctx context.Context, args []string) error {
	files, err := expand(args)
	if err != nil {
		return err
	}
	results := make([]outcome, len(files))
	bar := v.a.progress(len(files))
	parallel(runtime.GOMAXPROCS(0), len(files), func(i int) {
		results[i].report, results[i].err = v.one(ctx, files[i])
		bar.step()
	})
	bar.done()
	if err := v.print(results, len(files) > 1 || len(args) > 1); err != nil {
		return err
	}
	var firstErr error
	unmarked := false
	for _, r := range results {
		if r.err != nil && firstErr == nil {
			firstErr = r.err
		}
		unmarked = unmarked || r.err == nil && !r.report.Marked()
	}
	switch {
	case firstErr != nil:
		return firstErr
	case unmarked:
		return errNo
	}
	return nil
}

func (v *verifier) one(ctx context.Context, file string) (*disclose.Report, error) {
	r, name, err := v.a.open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	report, err := v.d.Inspect(ctx, r, disclose.Source{Name: name, Header: v.header})
	if err != nil {
		return nil, hint(fmt.Errorf("%s: %w", file, err), "%s", inspectHint(err))
	}
	return report, nil
}

func inspectHint(err error) string {
	if errors.Is(err, disclose.ErrInputTooLarge) {
		return "verify a smaller version of it: marks survive cropping"
	}
	return "give a whole PNG, JPEG, WebP, WAV, MP3 or MP4 file, or text"
}

// open opens an input; - is standard input.
func (a *app) open(file string) (io.ReadCloser, string, error) {
	switch {
	case file == "-":
		return io.NopCloser(a.in), "-", nil
	case strings.HasPrefix(file, "http://") || strings.HasPrefix(file, "https://"):
		return nil, "", hint(fmt.Errorf("%s: fetching URLs is not supported", file), "download the file first: curl -o file URL")
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, "", err
	}
	return f, file, nil
}

func (v *verifier) print(results []outcome, several bool) error {
	if !v.json {
		for i, r := range results {
			if r.err != nil {
				if i < len(results)-1 || several {
					_, _ = fmt.Fprintln(v.a.err, "avow: error:", r.err)
				}
				continue
			}
			if err := r.report.WriteText(v.a.out); err != nil {
				return err
			}
		}
		return nil
	}
	reports := make([]*disclose.Report, 0, len(results))
	for _, r := range results {
		if r.err == nil {
			reports = append(reports, r.report)
		}
	}
	var value any = reports
	if !several {
		if len(reports) == 0 {
			return nil
		}
		value = reports[0]
	}
	return writeJSON(v.a.out, value)
}

func writeJSON(w io.Writer, value any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return err
	}
	_, err := w.Write(buf.Bytes())
	return err
}

// A change says what a pipeline did to one carrier.
type change struct {
	Carrier string          `json:"carrier"`
	Before  disclose.Status `json:"before"`
	After   disclose.Status `json:"after"`
	Result  string          `json:"result"`
}

// compare verifies two files and says which marks were lost between them.
func (v *verifier) compare(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return hint(fmt.Errorf("--before compares two files, %d given", len(args)), "avow verify --before ORIGINAL DELIVERED")
	}
	first, err := v.one(ctx, args[0])
	if err != nil {
		return err
	}
	second, err := v.one(ctx, args[1])
	if err != nil {
		return err
	}
	var changes []change
	lost := false
	for i, b := range first.Findings {
		c := change{b.Carrier, b.Status, second.Findings[i].Status, compareFindings(b, second.Findings[i])}
		if c.Result != "" {
			changes = append(changes, c)
		}
		lost = lost || c.Result == "lost" || c.Result == "broken"
	}
	if v.json {
		err = writeJSON(v.a.out, changes)
	} else {
		for _, c := range changes {
			_, err = fmt.Fprintf(v.a.out, "%-12s %s (%s -> %s)\n", c.Carrier, c.Result, c.Before, c.After)
		}
	}
	if err == nil && lost {
		return errNo
	}
	return err
}

func compareFindings(b, a disclose.Finding) string {
	had := b.Status == disclose.Present || b.Status == disclose.Verified
	has := a.Status == disclose.Present || a.Status == disclose.Verified
	switch {
	case !had && !has:
		return ""
	case !had:
		return "added"
	case a.Status == disclose.Invalid || has && (a.ID != b.ID || a.Status != b.Status):
		return "broken"
	case !has:
		return "lost"
	}
	return "kept"
}

// parallel calls fn(0..n-1), at most jobs at a time.
func parallel(jobs, n int, fn func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(jobs, n) {
		wg.Go(func() {
			for i := range next {
				fn(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}
