// Command fingerprint measures the fingerprints of pictures: how often a marked
// picture that went through everyday treatment is recognised in the geometry that
// detection finds, how often another picture is, and how far apart pictures are
// that a search tells from each other.
//
//	go run ./bench/fingerprint -corpus DIR
//
// What detection found is kept in a journal, where one is named, so that a second
// run need not search again.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"strings"

	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/watermark"
)

// benchKey is a fixed key, so that a run can be repeated.
const benchKey = "avow-key-1000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f4ef8b684"

type options struct {
	corpus, journal, only   string
	most                    float64
	pieces, members, forged int
	verbose                 bool
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("fingerprint: ")
	o := options{}
	flag.StringVar(&o.corpus, "corpus", "", "folder of PNG, JPEG and WebP files")
	flag.StringVar(&o.journal, "journal", "", "file to keep what detection found in")
	flag.StringVar(&o.only, "only", "", "comma-separated: copies, compare, search")
	flag.Float64Var(&o.most, "max", 100, "leave out pictures of more megapixels")
	flag.IntVar(&o.pieces, "pieces", 4, "pieces of each large picture that are marked as well")
	flag.IntVar(&o.members, "pool", 1600, "pictures of which all pairs are compared")
	flag.IntVar(&o.forged, "forged", 20000, "pairs compared under a forged geometry")
	flag.BoolVar(&o.verbose, "v", false, "list every copy that was not recognised")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.run(ctx); err != nil {
		log.Fatal(err)
	}
}

func (o *options) run(ctx context.Context) error {
	if o.corpus == "" {
		return fmt.Errorf("-corpus DIR is missing: a folder of pictures to measure on")
	}
	pictures, err := corpus.Folder(o.corpus)
	if err != nil {
		return err
	}
	var kept []corpus.Picture
	for _, p := range pictures {
		if float64(p.Bounds().Dx()*p.Bounds().Dy()) <= o.most*1e6 {
			kept = append(kept, p)
		}
	}
	if len(kept) < 2 {
		return fmt.Errorf("%d pictures of that size in the folder, two are needed", len(kept))
	}
	key, err := watermark.ParseKey(benchKey)
	if err != nil {
		return err
	}
	fmt.Printf("`go run ./bench/fingerprint %s`: %d pictures, %s, %s/%s\n", o.command(), len(kept), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	b := &bench{options: o, pictures: kept, key: key, imager: fingerprint.NewImager(fingerprint.ImageKey(key))}
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{"copies", b.copies}, {"compare", b.compare}, {"search", b.search}} {
		if o.only == "" || strings.Contains(","+o.only+",", ","+part.name+",") {
			if err := part.run(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// command repeats the flags that decide the result.
func (o *options) command() string {
	args := []string{"-corpus DIR"}
	flag.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "corpus", "journal", "v":
		default:
			args = append(args, fmt.Sprintf("-%s %s", f.Name, f.Value))
		}
	})
	return strings.Join(args, " ")
}

// A bench holds what all parts use.
type bench struct {
	*options
	pictures []corpus.Picture
	key      watermark.Key
	imager   *fingerprint.Imager
}
