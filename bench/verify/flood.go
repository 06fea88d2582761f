package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/internal/pixels"
	"github.com/avowai/avow/watermark"
)

// serve is the server of a flood, in a process of its own, so that its memory can be
// told from that of the clients. It ends with its standard input.
func serve() error {
	key, err := watermark.GenerateKey()
	if err != nil {
		return err
	}
	service, _, err := newService(key)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: service, ReadHeaderTimeout: 10 * time.Second}
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); _ = srv.Close() }()
	fmt.Println(l.Addr())
	err = srv.Serve(l)
	fmt.Println(status("VmHWM"))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// status is a line of this process's status, as Linux gives it.
func status(name string) string {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return "unknown"
}

// flood sends each kind of large picture to a new server, many at once.
func flood(uploads int) error {
	fmt.Printf("`go run ./bench/verify -flood`: %s, %s/%s; %d uploads at once, each over a connection of its own, of 24 megapixels\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, uploads)
	fmt.Println("| file | 200 | 503 | 400 | other | connection lost | longest wait | largest resident memory of the server |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
	files, err := large()
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := floodWith(f, uploads); err != nil {
			return err
		}
	}
	return nil
}

// large are pictures of 6000 x 4000 pixels: as cameras make them, one that packs
// well, and one whose decoder needs the most memory.
func large() ([]file, error) {
	img := corpus.Made(6000, 4000, 5)
	jpg, err := encodeJPEG(img, 85)
	if err != nil {
		return nil, err
	}
	clear(img.Pix)
	png, err := pixels.EncodePNG(img)
	if err != nil {
		return nil, err
	}
	flat, err := encodeJPEG(img, 85)
	if err != nil {
		return nil, err
	}
	return []file{{"JPEG", pixels.JPEG, jpg}, {"PNG of one colour", pixels.PNG, png}, {"JPEG called progressive", pixels.JPEG, progressive(flat)}}, nil
}

// progressive calls a baseline JPEG progressive, and its scan one of the mean
// brightness alone: a decoder makes room for all coefficients, and only then finds
// that they are nonsense.
func progressive(flat []byte) []byte {
	out := bytes.Replace(flat, []byte{0xFF, 0xC0}, []byte{0xFF, 0xC2}, 1)
	scan := bytes.Index(out, []byte{0xFF, 0xDA})
	out[scan+12] = 0 // the last frequency of a scan of three components
	return out
}

func floodWith(f file, uploads int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "-server")
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(out)
	addr, err := lines.ReadString('\n')
	if err != nil {
		return err
	}
	codes, longest := upload("http://"+strings.TrimSpace(addr)+"/avow/v1/verify", f.data, uploads)
	_ = in.Close()
	peak, err := lines.ReadString('\n')
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return fmt.Errorf("the server: %w", err)
	}
	count := func(code int) int { n := codes[code]; delete(codes, code); return n }
	ok, full, bad, lost := count(200), count(503), count(400), count(0)
	other := 0
	for _, n := range codes {
		other += n
	}
	fmt.Printf("| %s, %.1f MB | %d | %d | %d | %d | %d | %.0f s | %s |\n", f.name, float64(len(f.data))/1e6, ok, full, bad, other, lost, longest.Seconds(), strings.TrimSpace(peak))
	return nil
}

// upload sends data so many times at once and counts the answers; 0 is none.
func upload(address string, data []byte, uploads int) (codes map[int]int, longest time.Duration) {
	codes = map[int]int{}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var mu sync.Mutex
	var waits []time.Duration
	var wg sync.WaitGroup
	for range uploads {
		wg.Go(func() {
			start, code := time.Now(), 0
			resp, err := client.Post(address, "application/octet-stream", bytes.NewReader(data))
			if err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				code = resp.StatusCode
			}
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
			waits = append(waits, time.Since(start))
		})
	}
	wg.Wait()
	return codes, slices.Max(waits)
}
