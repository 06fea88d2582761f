// Command provenance measures what signed manifests cost: hashing, signing and
// validating a PNG file of some 1 MB, on one goroutine.
//
//	go run ./bench/provenance
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"image/png"
	"log"
	"runtime"
	"testing"
	"time"

	"github.com/avowai/avow/disclose/c2pa"
	"github.com/avowai/avow/disclose/c2pa/validate"
	"github.com/avowai/avow/internal/corpus"
)

func main() {
	log.SetFlags(0)
	if err := measure(); err != nil {
		log.Fatal("provenance: ", err)
	}
}

func measure() error {
	file, err := picture()
	if err != nil {
		return err
	}
	signer, anchor, err := development()
	if err != nil {
		return err
	}
	manifest := c2pa.Manifest{
		Generator: c2pa.Generator{Name: "avow"}, Software: c2pa.Generator{Name: "assistant", Version: "1"},
		SourceType:  c2pa.TrainedAlgorithmicMedia,
		SoftBinding: &c2pa.SoftBinding{Alg: "com.github.avowai.image-mark.1", Value: make([]byte, 8)},
	}
	signed, _, err := c2pa.Sign(context.Background(), file, manifest, signer)
	if err != nil {
		return err
	}
	fmt.Printf("`go run ./bench/provenance`: %s, %s/%s; a PNG file of %.2f MB\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, float64(len(file))/1e6)
	fmt.Println("| what | time | beyond hashing | allocated |\n| --- | --- | --- | --- |")
	hash := run(func() error { sha256.Sum256(file); return nil })
	sign := run(func() error {
		_, _, err := c2pa.Sign(context.Background(), file, manifest, signer)
		return err
	})
	check := run(func() error {
		r, err := validate.Asset(context.Background(), signed, validate.Options{Anchors: []*x509.Certificate{anchor}})
		if err == nil && r.State != validate.Trusted {
			err = fmt.Errorf("state %v", r.State)
		}
		return err
	})
	row := func(name string, r, base testing.BenchmarkResult) {
		fmt.Printf("| %s | %.2f ms | %.2f ms | %.2f MB |\n", name, ms(r), ms(r)-ms(base), float64(r.AllocedBytesPerOp())/1e6)
	}
	row(fmt.Sprintf("SHA-256, %.1f GB/s", float64(len(file))/float64(hash.NsPerOp())), hash, hash)
	row("sign, ES256", sign, hash)
	row("validate, to Trusted", check, hash)
	return nil
}

func ms(r testing.BenchmarkResult) float64 { return float64(r.NsPerOp()) / 1e6 }

func run(fn func() error) testing.BenchmarkResult {
	return testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if err := fn(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// picture is a made picture of about a megabyte as PNG.
func picture() ([]byte, error) {
	var buf bytes.Buffer
	err := png.Encode(&buf, corpus.Made(1024, 832, 1))
	return buf.Bytes(), err
}

// development is a signer made for the run, and its anchor.
func development() (*c2pa.Signer, *x509.Certificate, error) {
	root, leaf, key, err := c2pa.NewDevelopment(time.Now(), "bench")
	if err != nil {
		return nil, nil, err
	}
	signer, err := c2pa.LoadSigner(leaf, key)
	if err != nil {
		return nil, nil, err
	}
	block, _ := pem.Decode(root)
	anchor, err := x509.ParseCertificate(block.Bytes)
	return signer, anchor, err
}
