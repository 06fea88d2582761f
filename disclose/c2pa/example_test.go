package c2pa_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"log"
	"time"

	"github.com/avowai/avow/disclose/c2pa"
	"github.com/avowai/avow/disclose/c2pa/container"
)

func ExampleSign() {
	_, leaf, key, err := c2pa.NewDevelopment(time.Now(), "Example GmbH")
	if err != nil {
		log.Fatal(err)
	}
	signer, err := c2pa.LoadSigner(leaf, key)
	if err != nil {
		log.Fatal(err)
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 64, 64))); err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	signed, info, err := c2pa.Sign(ctx, picture.Bytes(), c2pa.Manifest{
		Title:      "cat.png",
		Generator:  c2pa.Generator{Name: "avow", Version: "1.0.0"},
		Software:   c2pa.Generator{Name: "painter", Version: "3"},
		SourceType: c2pa.TrainedAlgorithmicMedia,
	}, signer)
	if err != nil {
		log.Fatal(err)
	}
	found, err := container.Find(signed)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.Format, bytes.Equal(found.Store, info.Store))
	// Output: PNG true
}
