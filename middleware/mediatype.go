package middleware

import (
	"mime"
	"net/http"
	"strings"

	"github.com/avowai/avow/disclose"
)

// retype calls a body whose format was changed by its new name: in Content-Type
// where that named an image, and at the end of the name that it is saved under.
// A signature that covers one of the two goes (RFC 9421).
func retype(h http.Header, result disclose.Result) {
	if result.MediaType == "" {
		return
	}
	named, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	if strings.HasPrefix(named, "image/") {
		h.Set("Content-Type", result.MediaType)
	}
	if v, ok := renamed(h.Get("Content-Disposition"), "."+strings.TrimPrefix(result.MediaType, "image/")); ok {
		h.Set("Content-Disposition", v)
	}
	input := strings.ToLower(strings.Join(h["Signature-Input"], ","))
	if strings.Contains(input, `"content-type"`) || strings.Contains(input, `"content-disposition"`) {
		delete(h, "Signature")
		delete(h, "Signature-Input")
	}
}

// renamed is a Content-Disposition (RFC 6266) whose file name ends with extension
// in place of .webp. Another name, or one that cannot be read, stays.
func renamed(disposition, extension string) (string, bool) {
	const old = ".webp"
	kind, params, err := mime.ParseMediaType(disposition)
	name := params["filename"]
	if err != nil || len(name) < len(old) || !strings.EqualFold(name[len(name)-len(old):], old) {
		return "", false
	}
	params["filename"] = name[:len(name)-len(old)] + extension
	value := mime.FormatMediaType(kind, params)
	return value, value != ""
}
