// Command imagegen wraps an image generator: each picture leaves with a watermark,
// a statement in its metadata, and a header.
package main

import (
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log"
	"math"
	"net"
	"net/http"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/middleware"
	"github.com/avowai/avow/watermark"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8091", "address")
	flag.Parse()
	key, err := watermark.GenerateKey() // keep yours: who loses it can no longer read the marks
	if err != nil {
		log.Fatal(err)
	}
	mark, err := middleware.New(middleware.Options{
		Disclose: disclose.Options{Provider: "Example GmbH", System: "wave painter", Key: key},
	})
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s/picture\n", l.Addr())
	log.Fatal(http.Serve(l, mark(http.HandlerFunc(picture))))
}

func picture(w http.ResponseWriter, _ *http.Request) {
	img := image.NewNRGBA(image.Rect(0, 0, 320, 240)) // your model goes here
	for y := range 240 {
		for x := range 320 {
			v := 40 * math.Sin(float64(x)/17+3*math.Sin(float64(y)/29))
			img.SetNRGBA(x, y, color.NRGBA{uint8(90 + v), uint8(120 + v/2), uint8(170 - v), 255})
		}
	}
	w.Header().Set("Content-Type", "image/png")
	_ = png.Encode(w, img)
}
