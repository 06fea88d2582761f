// Command endtoend times marking PNG files whole, as the proxy does it: decode,
// embed, encode, XMP. The baseline is what sharp (libvips, one thread) takes
// merely to decode and encode the same file in the same run. It needs Node.js
// and npm, which fetches sharp into a temporary folder.
//
//	go run ./bench/endtoend -corpus DIR
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"image/png"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

const (
	sharpVersion = "0.34.5"
	rounds       = 7
)

//go:embed sharp.mjs
var script []byte

func main() {
	log.SetFlags(0)
	log.SetPrefix("endtoend: ")
	dir := flag.String("corpus", "", "folder of PNG files")
	least := flag.Float64("min", 0.9, "leave out pictures of fewer megapixels")
	most := flag.Float64("max", 1.2, "leave out pictures of more megapixels")
	flag.Parse()
	if *dir == "" {
		log.Fatal("-corpus DIR is missing: a folder of pictures to measure on")
	}
	if err := run(*dir, *least, *most); err != nil {
		log.Fatal(err)
	}
}

func run(dir string, least, most float64) error {
	files, err := pngFiles(dir, least, most)
	if err != nil {
		return err
	}
	theirs, err := sharp(files)
	if err != nil {
		return err
	}
	runtime.GOMAXPROCS(1)
	fmt.Printf("`go run ./bench/endtoend -corpus DIR`: %s, sharp %s, one core each, milliseconds, best of %d\n\n", runtime.Version(), sharpVersion, rounds)
	fmt.Print("| picture | marking | sharp re-encodes | ratio | size, marked | size, sharp |\n| --- | --- | --- | --- | --- | --- |\n")
	var ratios []float64
	for _, f := range files {
		ours, size, err := mark(f)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(f), err)
		}
		t := theirs[f]
		ratios = append(ratios, ours/t.Millis)
		fmt.Printf("| %s | %.1f | %.1f | %.2f | %d | %d |\n", filepath.Base(f)[:3], ours, t.Millis, ours/t.Millis, size, t.Bytes)
	}
	slices.Sort(ratios)
	fmt.Printf("\nRatio: median %.2f, largest %.2f.\n", ratios[len(ratios)/2], ratios[len(ratios)-1])
	return nil
}

// pngFiles lists the PNG files of a folder of a size.
func pngFiles(dir string, least, most float64) ([]string, error) {
	all, err := filepath.Glob(filepath.Join(dir, "*.png"))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range all {
		r, err := os.Open(f)
		if err != nil {
			return nil, err
		}
		c, err := png.DecodeConfig(r)
		_ = r.Close()
		mp := float64(c.Width*c.Height) / 1e6
		if err == nil && mp >= least && mp <= most {
			if f, err = filepath.Abs(f); err != nil {
				return nil, err
			}
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no PNG file of %g to %g megapixels in the folder", least, most)
	}
	return out, nil
}

// A timing is what sharp printed of one file.
type timing struct {
	Millis float64 `json:"ms"`
	Bytes  int     `json:"bytes"`
}

// sharp fetches the package and times it on the files.
func sharp(files []string) (map[string]timing, error) {
	dir, err := os.MkdirTemp("", "endtoend")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.WriteFile(filepath.Join(dir, "sharp.mjs"), script, 0o600); err != nil {
		return nil, err
	}
	install := exec.Command("npm", "install", "--silent", "--no-audit", "--no-fund", "sharp@"+sharpVersion)
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("npm install sharp: %w: %s", err, strings.TrimSpace(string(out)))
	}
	cmd := exec.Command("node", append([]string{"sharp.mjs", fmt.Sprint(rounds)}, files...)...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("node sharp.mjs: %w", err)
	}
	var all map[string]timing
	return all, json.Unmarshal(out, &all)
}

// mark times the whole of marking one file.
func mark(file string) (ms float64, size int, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, err
	}
	key, err := watermark.GenerateKey()
	if err != nil {
		return 0, 0, err
	}
	m, err := disclose.NewMarker(disclose.Options{Provider: "bench", Key: key, Jobs: 1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0, 0, err
	}
	best := time.Duration(0)
	for range rounds {
		var buf bytes.Buffer
		start := time.Now()
		w := m.NewWriter(context.Background(), &buf, disclose.Output{ContentType: "image/png"})
		if _, err := w.Write(data); err != nil {
			return 0, 0, err
		}
		if err := w.Close(); err != nil {
			return 0, 0, err
		}
		if took := time.Since(start); best == 0 || took < best {
			best, size = took, buf.Len()
		}
		if got := disclose.OutcomeValue(w.Result()); got != "marked" {
			return 0, 0, fmt.Errorf("outcome %q, want marked", got)
		}
	}
	return float64(best.Microseconds()) / 1000, size, nil
}
