package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

func (a *app) verify() *cobra.Command {
	v := &verifier{a: a}
	var before bool
	var headers, roots []string
	var file string
	cmd := &cobra.Command{
		Use:   "verify FILE|DIR|-|URL...",
		Short: "Say which marks files carry",
		Long: "Reads images (PNG, JPEG, WebP), manifests of WAV, MP3 and MP4 files, saved API answers (JSON, SSE,\nNDJSON), text and HTML, in files, in directories and behind URLs.\n" +
			"Exit code 0: every input carries a mark and none is invalid; 1: some input carries none, or an\ninvalid one; 2: an input could not be read.\n" +
			"With --before A B, exit code 0: every mark of A is in B; 1: some were lost or broken; 2: they could\nnot be compared, or A carries none.",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) == 0 {
				return hint(errors.New("nothing to verify"), "name a file, a directory, a URL, or - for standard input")
			}
			if v.header, err = parseHeaders(headers); err != nil {
				return err
			}
			d, done, err := a.detector(cmd.Context(), file, roots)
			if err != nil {
				return err
			}
			defer done()
			v.d, v.fetch = d, v.client()
			if v.basis, err = a.basisOf(file, roots); err != nil {
				return err
			}
			if before {
				return v.compare(cmd.Context(), args)
			}
			return v.run(cmd.Context(), args)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&v.json, "json", false, "print JSON: one object for one input, an array for several and for directories")
	f.BoolVar(&v.resume, "resume", false, "keep a journal, and go on where a run of the same inputs broke off")
	v.bulk.register(f, "")
	f.StringArrayVar(&roots, "roots", nil, "PEM file of certificates that signers of manifests are checked against")
	f.StringVar(&file, "config", "", "configuration file: its notices and its backend's marks are looked for too")
	f.BoolVar(&before, "before", false, "compare two files, URLs or directories: which marks a pipeline between them lost, broke or kept")
	f.StringArrayVar(&headers, "header", nil, "a response header field that came with the input, as 'Name: value'")
	f.BoolVar(&v.http, "allow-http", false, "also fetch http URLs, which anyone on the way can change")
	f.BoolVar(&v.private, "allow-private", false, "also fetch from this machine and private networks, any port, over http too")
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
