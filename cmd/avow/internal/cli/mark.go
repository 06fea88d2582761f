package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/c2pa/container"
	"github.com/avowai/avow/disclose/ledger"
	"github.com/avowai/avow/watermark"
)

// A marking is one avow mark.
type marking struct {
	a                        *app
	config                   string
	out, id, mediaType       string
	provider, system, sysVer string
	jobs                     int
	resume, force, visible   bool
	bulk                     bulkFlags
	marker                   *disclose.Marker
	label                    disclose.Label
	ledger                   *ledger.Ledger // nil for none
}

func (a *app) markCommand() *cobra.Command {
	m := &marking{a: a}
	cmd := &cobra.Command{
		Use:   "mark FILE|DIR|-",
		Short: "Mark files as the proxy would",
		Long: "Writes OUT, or beside the input as NAME.avow.EXT. A directory is marked file by file, in parallel.\n" +
			"Exit code 0: everything is marked; 1: some files of a directory could not be; 2: trouble.\n" +
			"With - the input is read from standard input and the marked output goes to standard output.",
		RunE: func(cmd *cobra.Command, args []string) error { return m.run(cmd.Context(), args) },
	}
	f := cmd.Flags()
	f.StringVar(&m.config, "config", "", "configuration file: its label, carriers, keys and signer")
	f.StringVarP(&m.out, "output", "o", "", "where to write; a directory for a directory; - for standard output")
	f.StringVar(&m.id, "id", "", "the label's id, 16 hexadecimal digits (default: random)")
	f.StringVar(&m.mediaType, "type", "", "media type of the input (default: by its content)")
	f.StringVar(&m.provider, "provider", "", "who offers the AI system")
	f.StringVar(&m.system, "system", "", "the AI system's name")
	f.StringVar(&m.sysVer, "system-version", "", "the AI system's version")
	f.IntVar(&m.jobs, "jobs", runtime.GOMAXPROCS(0), "files marked at one time")
	f.BoolVar(&m.visible, "label", false, `draw a visible "AI" into pictures`)
	f.BoolVar(&m.resume, "resume", false, "go on with a directory that broke off: leave out what is done, and files whose output exists")
	f.BoolVar(&m.force, "force", false, "overwrite outputs that exist")
	m.bulk.register(f, "print a summary of a directory as JSON, as --summary - does")
	return cmd
}

func (m *marking) run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return hint(fmt.Errorf("%d inputs given, want one", len(args)), "name a file, a directory, or -")
	}
	defer func() { m.a.closeLedger(m.ledger) }()
	if err := m.prepare(ctx); err != nil {
		return err
	}
	info, err := os.Stat(args[0])
	if args[0] != "-" && err != nil {
		return err
	}
	if args[0] != "-" && info.IsDir() {
		return m.directory(ctx, args[0])
	}
	return m.file(ctx, args[0], m.outputOf(args[0]))
}

func (m *marking) prepare(ctx context.Context) error {
	c, err := loadConfig(m.config)
	if err != nil {
		return err
	}
	ring, err := m.a.ring(c.Keys.File)
	if err != nil {
		return err
	}
	key, err := activeKey(ring)
	if err != nil {
		return err
	}
	if m.id != "" {
		if m.label.ID, err = watermark.ParsePayload(m.id); err != nil {
			return hint(err, "for example --id 9f3c52d07ab1e644")
		}
	}
	o := c.Options().Disclose
	if o.Logger, err = m.a.logger(); err != nil {
		return err
	}
	o.Key, o.Jobs = key.Key(), m.jobs
	o.Provider, o.System, o.Version = cmp.Or(m.provider, o.Provider), cmp.Or(m.system, o.System), cmp.Or(m.sysVer, o.Version)
	if o.Carriers.Has(disclose.CarrierManifest) {
		if o.Provenance, err = m.a.provenance(c); err != nil {
			return err
		}
		o.Provenance.Manifests = nil // a file has no address
	}
	if m.visible {
		if o.VisibleLabel, err = disclose.NewVisibleLabel(disclose.VisibleLabelOptions{}); err != nil {
			return err
		}
	}
	if m.ledger, err = m.a.openLedger(ctx, c, ring, key.Key(), ledgerWrite, "mark"); err != nil {
		return err
	}
	o.Records = collected(recordsOf(m.ledger))
	m.marker, err = disclose.NewMarker(o)
	return err
}

// outputOf names the output of a single input.
func (m *marking) outputOf(in string) string {
	switch {
	case m.out != "":
		return m.out
	case in == "-":
		return "-"
	}
	return beside(in)
}

// beside is NAME.avow.EXT.
func beside(in string) string {
	ext := filepath.Ext(in)
	return strings.TrimSuffix(in, ext) + ".avow" + ext
}

// file marks one input into one output.
func (m *marking) file(ctx context.Context, in, out string) error {
	if err := m.mayWrite(in, out); err != nil || out == "" {
		return err
	}
	if _, err := os.Stat(out); out != "-" && m.resume && err == nil {
		return nil
	}
	data, err := m.read(in)
	if errors.Is(err, errEmpty) {
		return hint(fmt.Errorf("%s: %w", in, err), "%s", wholeHint)
	}
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	res, err := m.mark(ctx, &buf, in, data)
	if err != nil {
		return err
	}
	if err := m.deliver(out, buf.Bytes()); err != nil {
		return err
	}
	m.a.say("%s: %s, id %s -> %s", in, disclose.OutcomeValue(res), res.Label.ID, out)
	return nil
}

// read reads an input, and one byte more than may be held of one that is too long.
func (m *marking) read(in string) ([]byte, error) {
	r, _, err := m.a.open(in)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	data, err := io.ReadAll(io.LimitReader(r, disclose.DefaultMaxHeld+1))
	if err == nil && len(data) == 0 {
		err = errEmpty
	}
	return data, err
}

const wholeHint = "give a whole PNG, JPEG, WebP, WAV, MP3 or MP4 file, or text"

var errEmpty = errors.New("empty, there is nothing to mark")

// An unmarkedError says that nothing could be attached to an input.
type unmarkedError struct{ res disclose.Result }

func (e *unmarkedError) Error() string {
	return fmt.Sprintf("nothing could be attached (%s)", disclose.OutcomeValue(e.res))
}

// mark writes data, marked, to dst.
func (m *marking) mark(ctx context.Context, dst io.Writer, in string, data []byte) (disclose.Result, error) {
	w := m.marker.NewWriter(ctx, dst, disclose.Output{ContentType: m.typeOf(in, data), Label: m.label, Whole: true})
	_, err := w.Write(data)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return disclose.Result{}, markHint(err)
	}
	res := w.Result()
	if !attached(res) || res.Reason == disclose.ReasonAlreadyMarked {
		return res, hint(&unmarkedError{res}, "%s", unmarkedHint(res))
	}
	return res, nil
}

// attached reports whether the output carries anything that the input did not.
func attached(res disclose.Result) bool {
	for _, mark := range res.Marks {
		if mark.Err == nil && mark.Reason == disclose.ReasonNone {
			return true
		}
	}
	return false
}

func unmarkedHint(res disclose.Result) string {
	switch res.Reason {
	case disclose.ReasonForeignManifest:
		return "it carries a C2PA manifest that cannot be carried over; keep it as it is, and disclose it in a header"
	case disclose.ReasonAlreadyMarked:
		return "it carries a mark of this deployment already"
	}
	return "give a PNG, JPEG or WebP image, a WAV, MP3 or MP4 file, plain text or a complete HTML page; say which with --type"
}

// A reasoned error keeps why an output was withheld beside what people are told.
type reasoned struct {
	reason disclose.Reason
	err    error
}

func (r *reasoned) Error() string { return r.err.Error() }
func (r *reasoned) Unwrap() error { return r.err }

func markHint(err error) error {
	var held *disclose.Withheld
	if errors.As(err, &held) {
		if held.Err != nil {
			err = &reasoned{held.Reason, held.Err}
		}
		what := "give a whole PNG, JPEG or WebP file"
		switch held.Reason {
		case disclose.ReasonTooLarge:
			what = "give an image of at most 24 megapixels and 32 MiB"
		case disclose.ReasonTooSmall:
			what = "give an image of at least 160 x 160 pixels"
		}
		return hint(err, "%s", what)
	}
	return err
}

// mayWrite refuses outputs that would lose something.
func (m *marking) mayWrite(in, out string) error {
	if out == "-" {
		if isTerminal(m.a.out) {
			return hint(errors.New("the marked output would go to a terminal"), "redirect it: avow mark - < in.png > out.png")
		}
		return nil
	}
	a, errA := os.Stat(in)
	b, errB := os.Stat(out)
	switch {
	case errA == nil && errB == nil && os.SameFile(a, b) && !m.force:
		return hint(fmt.Errorf("%s: input and output are the same file", out), "choose another output with -o, or overwrite it with --force")
	case errB == nil && b.IsDir():
		return hint(fmt.Errorf("%s is a directory", out), "name a file with -o")
	case errB == nil && !m.force && !m.resume:
		return hint(fmt.Errorf("%s exists already", out), "choose another output with -o, or overwrite it with --force")
	}
	return nil
}

func (m *marking) typeOf(name string, data []byte) string {
	if m.mediaType != "" {
		return m.mediaType
	}
	if t := mime.TypeByExtension(filepath.Ext(name)); strings.HasPrefix(t, "text/") {
		return t
	}
	if t := container.Sniff(data).MIME(); disclose.Classify(t) == disclose.KindMedia {
		return t
	}
	return http.DetectContentType(data)
}

// deliver writes the output whole, or not at all.
func (m *marking) deliver(out string, data []byte) error {
	if out == "-" {
		_, err := m.a.out.Write(data)
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(out), ".avow-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644)
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), out)
}
