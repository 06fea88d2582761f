package doctor

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

// A sample is what is marked to see whether its marks can be read again.
type sample struct {
	what, contentType string
	data              []byte
	carriers          []disclose.Carrier // that have to be found
}

// roundTrip marks a picture and a text in memory, as the configuration says, and
// looks for their marks. Nothing is recorded and nobody is asked.
func (v *visit) roundTrip(ctx context.Context) {
	const name = "round trip"
	key, whose := watermark.Key{}, "the active key"
	if v.key != nil {
		key = v.key.Key()
	} else {
		made, err := watermark.GenerateKey()
		if err != nil {
			v.fail(name, "", "%v", err)
			return
		}
		key, whose = made, "a key made for this check alone"
	}
	o := v.o.Config.Options().Disclose
	o.Key = key
	if v.signer != nil {
		o.Provenance = &disclose.Provenance{Signer: v.signer} // no stamps: the authority has a check of its own
	}
	const hint = "this should not happen: avow config check, and report it with avow version"
	m, err := disclose.NewMarker(o)
	if err != nil {
		v.fail(name, hint, "%v", err)
		return
	}
	d, err := disclose.NewDetector(disclose.DetectorOptions{Keys: []disclose.VerifyKey{{Key: key}}, MaxPixels: o.MaxPixels})
	if err != nil {
		v.fail(name, hint, "%v", err)
		return
	}
	var read []string
	for _, s := range samples() {
		found, err := s.trip(ctx, m, d)
		if err != nil {
			v.fail(name, hint, "%s: %v", s.what, err)
			return
		}
		read = append(read, found...)
	}
	v.ok(name, "marked with %s and read again: %s", whose, strings.Join(read, ", "))
}

// trip marks one sample and returns which of its carriers were read again.
func (s sample) trip(ctx context.Context, m *disclose.Marker, d *disclose.Detector) ([]string, error) {
	var out bytes.Buffer
	w := m.NewWriter(ctx, &out, disclose.Output{ContentType: s.contentType, Route: "doctor"})
	_, err := w.Write(s.data)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, err
	}
	rep, err := d.InspectBytes(ctx, out.Bytes(), disclose.Source{Name: s.what, ContentType: s.contentType})
	if err != nil {
		return nil, err
	}
	status := map[string]disclose.Status{}
	for _, f := range rep.Findings {
		status[f.Carrier] = f.Status
	}
	var found []string
	for _, c := range s.carriers {
		if !m.Enabled().Has(c) {
			continue
		}
		if got := status[c.String()]; got != disclose.Verified && got != disclose.Present {
			return nil, fmt.Errorf("%s was attached and is %s", c, got)
		}
		found = append(found, c.String())
	}
	return found, nil
}

func samples() []sample {
	var b bytes.Buffer
	_ = png.Encode(&b, texture(512)) // into memory: it cannot fail
	return []sample{
		{"picture", "image/png", b.Bytes(), []disclose.Carrier{disclose.CarrierImageMark, disclose.CarrierMetadata, disclose.CarrierManifest}},
		{"text", "text/plain", []byte(strings.Repeat("A lighthouse marks a coast, and its keeper climbs the stairs at dusk. ", 40)),
			[]disclose.Carrier{disclose.CarrierNotice, disclose.CarrierTextMark}},
	}
}

// texture is a picture that has something to hide a mark in.
func texture(w int) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, w, w))
	for y := range w {
		for x := range w {
			t := 20*math.Sin(float64(x)/9+float64(y)/3) + 12*math.Sin(float64(x*y)/611)
			img.SetNRGBA(x, y, color.NRGBA{uint8(90 + t + float64(y)/8), uint8(130 + t), uint8(160 + t), 255})
		}
	}
	return img
}
