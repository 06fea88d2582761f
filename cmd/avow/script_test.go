package main

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts run avow as a program of its own.
func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"avow": main}) }

// TestScripts runs the command line as people and their scripts do, one file of
// testdata/script at a time. Beside testscript's own commands there are
//
//	picture FILE W [PERIOD]   a PNG picture of W x W pixels, with texture
//	recode IN OUT QUALITY     a PNG file as JPEG, as a pipeline that drops metadata does
//	cut IN OUT N              the first N bytes of a file
//	serve DIR [FIELD...]      a server of DIR at $URL, which listens on $ADDRESS, with response header fields
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("AVOW_DATA", filepath.Join(e.WorkDir, "data"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"picture": scriptPicture, "cut": scriptCut, "recode": scriptRecode, "serve": scriptServe,
		},
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
	})
}

func scriptPicture(ts *testscript.TestScript, _ bool, args []string) {
	w, err := strconv.Atoi(args[1])
	ts.Check(err)
	period := 9.0
	if len(args) > 2 {
		period, err = strconv.ParseFloat(args[2], 64)
		ts.Check(err)
	}
	img := image.NewNRGBA(image.Rect(0, 0, w, w))
	for y := range w {
		for x := range w {
			v := 20*math.Sin(float64(x)/period+float64(y)/3) + 12*math.Sin(float64(x*y)/611)
			img.SetNRGBA(x, y, color.NRGBA{uint8(90 + v + float64(y)/8), uint8(130 + v), uint8(160 + v), 255})
		}
	}
	var buf bytes.Buffer
	ts.Check(png.Encode(&buf, img))
	scriptWrite(ts, args[0], buf.Bytes())
}

func scriptRecode(ts *testscript.TestScript, _ bool, args []string) {
	quality, err := strconv.Atoi(args[2])
	ts.Check(err)
	img, err := png.Decode(strings.NewReader(ts.ReadFile(args[0])))
	ts.Check(err)
	var buf bytes.Buffer
	ts.Check(jpeg.Encode(&buf, img, &jpeg.Options{Quality: quality}))
	scriptWrite(ts, args[1], buf.Bytes())
}

func scriptCut(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	scriptWrite(ts, args[1], []byte(ts.ReadFile(args[0])[:n]))
}

func scriptWrite(ts *testscript.TestScript, name string, data []byte) {
	path := ts.MkAbs(name)
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, data, 0o600))
}

func scriptServe(ts *testscript.TestScript, _ bool, args []string) {
	files := http.FileServer(http.Dir(ts.MkAbs(args[0])))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, field := range args[1:] {
			name, value, _ := strings.Cut(field, ": ")
			w.Header().Set(name, value)
		}
		files.ServeHTTP(w, r)
	}))
	ts.Defer(s.Close)
	ts.Setenv("URL", s.URL)
	ts.Setenv("ADDRESS", s.Listener.Addr().String())
}
