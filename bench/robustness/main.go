// Command robustness measures the image mark on a folder of pictures: it marks
// each, puts it through attacks, and writes how many payloads are read back, how
// far the marked pictures are from their originals, and what unmarked pictures
// are taken for.
//
//	go run ./bench/robustness -corpus DIR
//
// What was measured is kept in a journal, so that a run that was stopped goes
// on where it ended.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/avowai/avow/bench/robustness/security"
	"github.com/avowai/avow/internal/attack"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/watermark"
)

// benchKey is a fixed key, so that a run can be repeated.
const benchKey = "avow-key-1000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f4ef8b684"

type options struct {
	corpus, suite, only, journal string
	least, most                  float64
	strengths                    []float64
	workers, unmarked            int
	perceptual, security         bool
	plot, contact                string
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("robustness: ")
	o, strengths := options{}, ""
	flag.StringVar(&o.corpus, "corpus", "", "folder of PNG, JPEG and WebP files")
	flag.StringVar(&o.suite, "suite", "standard", "attacks: plain, standard, hard, or all")
	flag.StringVar(&o.only, "only", "", "comma-separated: only attacks of these names")
	flag.StringVar(&o.journal, "journal", "", "file to keep results in, and to go on from")
	flag.Float64Var(&o.least, "min", 0, "leave out pictures of fewer megapixels")
	flag.Float64Var(&o.most, "max", 100, "leave out pictures of more megapixels")
	flag.StringVar(&strengths, "strengths", "1", "comma-separated strengths of the mark")
	flag.IntVar(&o.workers, "workers", runtime.NumCPU(), "pictures worked on at once")
	flag.IntVar(&o.unmarked, "unmarked", 0, "instead, search this many unmarked pieces of the pictures")
	flag.BoolVar(&o.perceptual, "perceptual", false, "measure butteraugli and SSIMULACRA as well, where installed")
	flag.BoolVar(&o.security, "security", false, "instead, attack the mark as somebody would who knows how it works")
	flag.StringVar(&o.plot, "plot", "", "SVG file for a plot of the results")
	flag.StringVar(&o.contact, "contact", "", "instead, write a contact sheet of crops to this PNG file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.run(ctx, strengths); err != nil {
		log.Fatal(err)
	}
}

func (o *options) run(ctx context.Context, strengths string) error {
	for _, s := range strings.Split(strengths, ",") {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || v <= 0 {
			return fmt.Errorf("-strengths %q: want numbers above 0", strengths)
		}
		o.strengths = append(o.strengths, v)
	}
	pictures, err := o.pictures()
	if err != nil {
		return err
	}
	key, err := watermark.ParseKey(benchKey)
	if err != nil {
		return err
	}
	j, err := openJournal(o.journal)
	if err != nil {
		return err
	}
	defer j.close()
	fmt.Printf("`go run ./bench/robustness %s`: %d pictures, %s, %s/%s\n\n",
		o.command(), len(pictures), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	switch {
	case o.contact != "":
		return contactSheet(ctx, pictures, key, o.contact)
	case o.security:
		return security.Run(ctx, pictures, key, os.Stdout)
	case o.unmarked > 0:
		return o.searchUnmarked(ctx, pictures, j)
	}
	attacks, err := o.attacks()
	if err != nil {
		return err
	}
	if err := o.measure(ctx, pictures, attacks, key, j); err != nil {
		return err
	}
	return o.report(os.Stdout, pictures, attacks, j)
}

// command repeats the flags that decide the result.
func (o *options) command() string {
	args := []string{"-corpus DIR"}
	flag.Visit(func(f *flag.Flag) {
		switch {
		case slices.Contains([]string{"corpus", "journal", "workers"}, f.Name):
		case f.Name == "plot" || f.Name == "contact":
			args = append(args, fmt.Sprintf("-%s FILE", f.Name))
		case f.Value.String() == "true":
			args = append(args, "-"+f.Name)
		default:
			args = append(args, fmt.Sprintf("-%s %s", f.Name, f.Value))
		}
	})
	return strings.Join(args, " ")
}

func (o *options) pictures() ([]corpus.Picture, error) {
	if o.corpus == "" {
		return nil, fmt.Errorf("-corpus DIR is missing: a folder of pictures to measure on")
	}
	all, err := corpus.Folder(o.corpus)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(p corpus.Picture) bool {
		mp := megapixels(p.Bounds())
		return mp < o.least || mp > o.most
	})
	if len(all) == 0 {
		return nil, fmt.Errorf("no picture of that size in the folder")
	}
	return all, nil
}

func (o *options) attacks() ([]attack.Attack, error) {
	suites := map[string][]attack.Attack{
		"plain": attack.Plain(), "standard": attack.Standard(), "hard": attack.Hard(),
		"all": append(attack.Standard(), attack.Hard()...),
	}
	all, ok := suites[o.suite]
	if !ok {
		return nil, fmt.Errorf("-suite %q: want plain, standard, hard or all", o.suite)
	}
	if o.only != "" {
		names := strings.Split(o.only, ",")
		all = slices.DeleteFunc(all, func(a attack.Attack) bool { return !slices.Contains(names, a.Name) })
	}
	return slices.DeleteFunc(all, func(a attack.Attack) bool {
		if !a.Available() {
			log.Printf("%s is left out: %s is not installed", a.Name, a.Tool)
		}
		return !a.Available()
	}), nil
}
