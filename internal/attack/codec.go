package attack

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/disintegration/imaging"
	"golang.org/x/image/webp"
)

// Available reports whether the program an attack needs is installed.
func (a Attack) Available() bool {
	if a.Tool == "" {
		return true
	}
	_, err := exec.LookPath(a.Tool)
	return err == nil
}

// JPEG encodes at quality q, 1 to 100, and decodes.
func JPEG(q int) Func {
	return func(m image.Image) image.Image {
		var buf bytes.Buffer
		if err := jpeg.Encode(&buf, onWhite(m), &jpeg.Options{Quality: q}); err != nil {
			panic(err) // cannot happen: the encoder takes any picture below 65,536 a side
		}
		out, err := jpeg.Decode(&buf)
		if err != nil {
			panic(err)
		}
		return out
	}
}

// through writes m to a PNG file, runs programs, and reads what they left.
func through(m image.Image, result string, run func(dir string) []*exec.Cmd) image.Image {
	dir, err := os.MkdirTemp("", "attack")
	if err != nil {
		return nil
	}
	defer os.RemoveAll(dir)
	var buf bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if encoder.Encode(&buf, onWhite(m)) != nil || os.WriteFile(filepath.Join(dir, "in.png"), buf.Bytes(), 0o600) != nil {
		return nil
	}
	for _, c := range run(dir) {
		c.Dir = dir
		if c.Run() != nil {
			return nil
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, result))
	if err != nil {
		return nil
	}
	if filepath.Ext(result) == ".webp" {
		out, err := webp.Decode(bytes.NewReader(data))
		if err != nil {
			return nil
		}
		return out
	}
	out, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	return out
}

// WebP encodes at quality q with cwebp.
func WebP(q int) Func {
	return func(m image.Image) image.Image {
		return through(m, "out.webp", func(string) []*exec.Cmd {
			return []*exec.Cmd{exec.Command("cwebp", "-quiet", "-q", fmt.Sprint(q), "in.png", "-o", "out.webp")}
		})
	}
}

// AVIF encodes at quantiser cq, 0 to 63, with avifenc.
func AVIF(cq int) Func {
	return func(m image.Image) image.Image {
		return through(m, "out.png", func(string) []*exec.Cmd {
			return []*exec.Cmd{
				exec.Command("avifenc", "--jobs", "1", "-s", "8", "--min", fmt.Sprint(cq), "--max", fmt.Sprint(cq), "in.png", "out.avif"),
				exec.Command("avifdec", "--jobs", "1", "out.avif", "out.png"),
			}
		})
	}
}

// H264 makes the picture a frame of video at a constant rate factor, with
// ffmpeg. Sides become even.
func H264(crf int) Func {
	return func(m image.Image) image.Image {
		b := m.Bounds()
		m = imaging.Crop(m, image.Rect(b.Min.X, b.Min.Y, b.Min.X+b.Dx()&^1, b.Min.Y+b.Dy()&^1))
		return through(m, "out.png", func(string) []*exec.Cmd {
			return []*exec.Cmd{
				exec.Command("ffmpeg", "-v", "error", "-threads", "1", "-i", "in.png", "-c:v", "libx264", "-crf", fmt.Sprint(crf), "-pix_fmt", "yuv420p", "out.mp4"),
				exec.Command("ffmpeg", "-v", "error", "-threads", "1", "-i", "out.mp4", "-frames:v", "1", "out.png"),
			}
		})
	}
}
