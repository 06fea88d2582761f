package disclose

import (
	"strings"

	"github.com/avowai/avow/disclose/imagemeta"
	"github.com/avowai/avow/internal/jsonscan"
)

// An image that changes its format is called by the new one's name wherever the
// answer names the type of this image alone: in a data URI, and in the member
// beside it that a driver knows. What says the type of something else stays: a
// request's settings that are said again, the name of a file, a text.

const dataScheme = "data:"

// pngURI is the beginning of a data URI, up to its comma, with the media type of
// PNG. Parameters stay (RFC 2397).
func pngURI(prefix string) string {
	rest := strings.TrimPrefix(prefix, dataScheme)
	return dataScheme + imagemeta.PNG.MIME() + rest[strings.IndexAny(rest, ";,"):]
}

// mediaEdits renames the types of images that are PNG now. A member that speaks
// of several images is renamed where all of them are.
func mediaEdits(payload []byte, jobs []*inlineImage) (edits []jsonscan.Edit) {
	stays := map[jsonscan.Span]bool{}
	for _, j := range jobs {
		if !j.seen.png {
			stays[j.found.media] = true
		}
	}
	for _, j := range jobs {
		media := j.found.media
		if media.End == media.Start || stays[media] {
			continue
		}
		stays[media] = true // once
		if name := pngName(media.Of(payload)); name != "" {
			edits = append(edits, jsonscan.Edit{At: media.Start, Del: media.End - media.Start, Ins: []byte(name)})
		}
	}
	return edits
}

// pngName is PNG's name in the manner of raw, the content of a JSON string, or
// empty where raw is no name of WebP.
func pngName(raw []byte) string {
	switch name := strings.ToLower(jsonscan.Unquote(raw, 32)); name {
	case "webp":
		return "png"
	case imagemeta.WebP.MIME():
		return imagemeta.PNG.MIME()
	}
	return ""
}
