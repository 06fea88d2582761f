// Command verify measures the verification service: pictures a second whose geometry
// is intact, and what a server holds when many large pictures arrive at once.
//
//	go run ./bench/verify
//	go run ./bench/verify -flood
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image"
	"image/jpeg"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/internal/pixels"
	"github.com/avowai/avow/middleware"
	"github.com/avowai/avow/watermark"
)

func main() {
	log.SetFlags(0)
	seconds := flag.Int("seconds", 15, "how long each row is measured")
	flooding := flag.Bool("flood", false, "send large pictures to a server instead")
	uploads := flag.Int("uploads", 64, "of them, all at once")
	server := flag.Bool("server", false, "be that server (used by -flood)")
	flag.Parse()
	err := error(nil)
	switch {
	case *server:
		err = serve()
	case *flooding:
		err = flood(*uploads)
	default:
		err = throughput(time.Duration(*seconds) * time.Second)
	}
	if err != nil {
		log.Fatal("verify: ", err)
	}
}

const (
	side    = 1024
	workers = 2
)

// newService is one without limits on clients; those on memory are the defaults.
func newService(key watermark.Key) (*middleware.VerifyService, *disclose.Detector, error) {
	d, err := disclose.NewDetector(disclose.DetectorOptions{Keys: []disclose.VerifyKey{{Key: key}}, Jobs: workers,
		MaxMemory: disclose.DefaultMaxMemory / 4 * 3, MaxWait: 5 * time.Second})
	if err != nil {
		return nil, nil, err
	}
	s, err := middleware.NewVerifyService(middleware.VerifyOptions{Detector: d, ReportKey: middleware.ReportKey(key),
		Limits: middleware.VerifyLimits{PerMinute: -1, Concurrent: -1, PerGroup: -1}})
	return s, d, err
}

// throughput prints pictures a second on two goroutines.
func throughput(each time.Duration) error {
	runtime.GOMAXPROCS(workers)
	key, err := watermark.GenerateKey()
	if err != nil {
		return err
	}
	service, detector, err := newService(key)
	if err != nil {
		return err
	}
	files, err := markedFiles(key)
	if err != nil {
		return err
	}
	fmt.Printf("`go run ./bench/verify`: %s, %s/%s, GOMAXPROCS=%d; %d x %d pixels, marked, geometry intact\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, workers, side, side)
	fmt.Print("By the clock, and by processor time: pictures a second if both cores did nothing else.\n\n")
	fmt.Println("| file | | decoding alone | detector | service, answer signed |\n| --- | --- | --- | --- | --- |")
	for _, f := range files {
		decode, err := rate(each, func() error { _, err := pixels.Decode(f.data, f.format); return err })
		if err != nil {
			return err
		}
		inspect, err := rate(each, func() error {
			r, err := detector.InspectBytes(context.Background(), f.data, disclose.Source{})
			if err == nil && r.Findings[disclose.CarrierImageMark].Status != disclose.Verified {
				err = fmt.Errorf("%s: no mark read", f.name)
			}
			return err
		})
		if err != nil {
			return err
		}
		asked, err := rate(each, func() error {
			r := httptest.NewRequest(http.MethodPost, "/avow/v1/verify", bytes.NewReader(f.data))
			r.Header.Set("Accept", "application/jose")
			w := httptest.NewRecorder()
			if service.ServeHTTP(w, r); w.Code != http.StatusOK {
				return fmt.Errorf("%d %s", w.Code, w.Body)
			}
			return nil
		})
		if err != nil {
			return err
		}
		fmt.Printf("| %s, %.2f MB | clock | %.0f/s | %.0f/s | %.0f/s |\n", f.name, float64(len(f.data))/1e6, decode.clock, inspect.clock, asked.clock)
		fmt.Printf("| | processor | %.0f/s | %.0f/s | %.0f/s |\n", decode.cpu, inspect.cpu, asked.cpu)
	}
	return nil
}

type file struct {
	name   string
	format pixels.Format
	data   []byte
}

func markedFiles(key watermark.Key) ([]file, error) {
	img, err := watermark.Embed(context.Background(), corpus.Made(side, side, 3), watermark.Payload{1}, key, nil)
	if err != nil {
		return nil, err
	}
	png, err := pixels.EncodePNG(img)
	if err != nil {
		return nil, err
	}
	jpg, err := encodeJPEG(img, 90)
	return []file{{"PNG", pixels.PNG, png}, {"JPEG, quality 90", pixels.JPEG, jpg}}, err
}

func encodeJPEG(img image.Image, quality int) ([]byte, error) {
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality})
	return b.Bytes(), err
}

// A speed is how often something ended a second.
type speed struct{ clock, cpu float64 }

// rate runs f on all workers for a time.
func rate(each time.Duration, f func() error) (s speed, err error) {
	var n atomic.Int64
	var failed atomic.Value
	var wg sync.WaitGroup
	start, used := time.Now(), cpu()
	for range workers {
		wg.Go(func() {
			for time.Since(start) < each && failed.Load() == nil {
				if err := f(); err != nil {
					failed.Store(err)
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	if err, ok := failed.Load().(error); ok {
		return s, err
	}
	s.clock = float64(n.Load()) / time.Since(start).Seconds()
	s.cpu = float64(n.Load()) / (cpu() - used).Seconds() * workers
	return s, nil
}
