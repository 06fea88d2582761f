package middleware

import (
	"net/http"
	"strings"
)

// fragmentFields are the request fields that partOfPage goes by; answers in
// HTML vary by them.
var fragmentFields = []string{
	"Sec-Fetch-Dest", "X-Requested-With", "HX-Request", "HX-Boosted", "HX-History-Restore-Request",
	"Turbo-Frame", "X-Turbo-Request-Id",
}

// partOfPage reports whether a script asks for HTML to put into a page that is
// shown already, with its notice. Such an answer stays as it is, even where it
// looks like a page: the script picks what it wants.
//
// What replaces the page as a whole is a page, though a script fetches it:
// boosted links of htmx and its history, and Turbo Drive. A request that sends
// one of these fields without being such a script silences the notice for
// itself alone; the header stays.
func partOfPage(h http.Header) bool {
	dest := h.Get("Sec-Fetch-Dest") // a browser's word; no script can set it (Fetch Metadata, section 2.1)
	switch {
	case dest != "" && dest != "empty":
		return false
	case h.Get("Turbo-Frame") != "":
		return true
	case isTrue(h, "HX-Request"):
		return !isTrue(h, "HX-Boosted") && !isTrue(h, "HX-History-Restore-Request")
	case h.Get("X-Turbo-Request-Id") != "":
		return false
	case strings.EqualFold(h.Get("X-Requested-With"), "XMLHttpRequest"): // Android's WebView names the app there
		return true
	}
	return dest == "empty"
}

func isTrue(h http.Header, name string) bool { return strings.EqualFold(h.Get(name), "true") }
