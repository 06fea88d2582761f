//go:build unix

// Command bulk measures avow mark and avow verify on a directory of very many
// small files: it makes the files, marks half of them, kills the run with SIGKILL,
// goes on with --resume, and verifies all outputs. It prints a Markdown table.
//
//	go build -o /tmp/avow ./cmd/avow && go run ./bench/bulk -avow /tmp/avow [-files 100000] [-side 200] [-dir DIR] [-verify N] [-ledger=false]
//
// DIR has to be on the disk that is meant, not in memory: every output is put on
// disk before it counts as done.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// config is one run.
type config struct {
	avow, dir string
	files     int
	side      int // of the largest picture
	verify    int // directories of 1000 files
	ledger    bool
}

func main() {
	var c config
	flag.StringVar(&c.avow, "avow", "", "the program, built")
	flag.StringVar(&c.dir, "dir", "", "where the files are made; a temporary directory of its own by default")
	flag.IntVar(&c.files, "files", 100_000, "how many files")
	flag.IntVar(&c.side, "side", 200, "largest side of a picture, in pixels; the smallest is a third of it")
	flag.IntVar(&c.verify, "verify", 1<<20, "how many directories of 1000 outputs are verified")
	flag.BoolVar(&c.ledger, "ledger", true, "record the outputs in an SQLite ledger")
	flag.Parse()
	log.SetFlags(0)
	if err := c.run(); err != nil {
		log.Fatal("bulk: ", err)
	}
}

func (c config) run() error {
	dir, err := os.MkdirTemp(c.dir, "avow-bulk-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	c.dir = dir
	start := time.Now()
	if err := generate(filepath.Join(dir, "in"), c.files, max(c.side, 8)); err != nil {
		return err
	}
	log.Printf("%d files made in %v", c.files, time.Since(start).Round(time.Second))
	if c.ledger {
		if err := makeLedger(filepath.Join(dir, "data", "ledger.db")); err != nil {
			return err
		}
	}
	fmt.Printf("`go run ./bench/bulk -avow AVOW -files %d -side %d -verify %d -ledger=%v`: %s, %s/%s, %d cores%s\n\n", c.files, c.side, c.verify, c.ledger,
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), otherLoad())
	fmt.Println("| step | files | seconds | files/s | processor time / (time x cores) | largest resident set |\n| --- | --- | --- | --- | --- | --- |")
	mark := []string{"mark", "--resume", "-o", filepath.Join(dir, "out")}
	if err := c.step("mark, killed at half", c.files/2, append(mark, filepath.Join(dir, "in"))...); err != nil {
		return err
	}
	if err := c.step("mark --resume", 0, append(mark, filepath.Join(dir, "in"))...); err != nil {
		return err
	}
	if err := c.step("mark --resume, nothing left to do", 0, append(mark, filepath.Join(dir, "in"))...); err != nil {
		return err
	}
	verify := []string{"verify"}
	for i := range min(c.verify, (c.files+perDirectory-1)/perDirectory) {
		verify = append(verify, filepath.Join(dir, "out", fmt.Sprintf("%03d", i)))
	}
	if len(verify) > 1 {
		if err := c.step("verify", 0, verify...); err != nil {
			return err
		}
	}
	if c.ledger {
		return c.records()
	}
	return nil
}

// totals is the part of a summary that is printed.
type totals struct {
	Files    int64            `json:"files"`
	Outcomes map[string]int64 `json:"outcomes"`
	Reasons  map[string]int64 `json:"reasons"`
}

// step runs avow and prints a row. With kill it ends the run by SIGKILL once so
// many outputs are in their places.
func (c config) step(what string, kill int, args ...string) error {
	args = append([]string{args[0], "--data", filepath.Join(c.dir, "data"), "--log-level", "error", "--summary", "-"}, args[1:]...)
	cmd := exec.Command(c.avow, args...)
	var out strings.Builder
	cmd.Stdout = &out
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	if kill > 0 {
		go func() {
			for c.outputs() < kill {
				select {
				case <-ended:
					return
				case <-time.After(500 * time.Millisecond):
				}
			}
			_ = cmd.Process.Kill()
		}()
	}
	err := cmd.Wait()
	close(ended)
	took := time.Since(start)
	var t totals
	if kill > 0 {
		t.Files = int64(c.outputs())
	} else if jerr := json.Unmarshal([]byte(out.String()), &t); jerr != nil {
		return fmt.Errorf("%s: %v, and no summary: %w", what, err, jerr)
	}
	worked := t.Files - t.Outcomes["done_before"]
	if worked == 0 {
		worked = t.Files
	}
	u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	fmt.Printf("| %s | %d | %.1f | %.0f | %.0f %% | %d MiB |\n", what, worked, took.Seconds(), float64(worked)/took.Seconds(),
		100*used.Seconds()/took.Seconds()/float64(runtime.GOMAXPROCS(0)), maxRSS(u)>>20)
	log.Printf("%s: exit code %d, outcomes %v, reasons %v", what, cmd.ProcessState.ExitCode(), t.Outcomes, t.Reasons)
	return nil
}

// maxRSS is the largest resident set in bytes.
func maxRSS(u *syscall.Rusage) int64 {
	if runtime.GOOS == "darwin" {
		return u.Maxrss
	}
	return u.Maxrss << 10
}

// outputs counts the outputs that are in their places.
func (c config) outputs() int {
	dirs, _ := os.ReadDir(filepath.Join(c.dir, "out"))
	n := 0
	for _, d := range dirs {
		if !strings.HasPrefix(d.Name(), ".") {
			files, _ := os.ReadDir(filepath.Join(c.dir, "out", d.Name()))
			n += len(files)
		}
	}
	return n
}

// otherLoad says how busy the machine is before the run, where that can be read.
func otherLoad() string {
	data, err := os.ReadFile("/proc/loadavg")
	first, _, ok := strings.Cut(string(data), " ")
	if err != nil || !ok {
		return ""
	}
	return ", load average before the run " + first
}
