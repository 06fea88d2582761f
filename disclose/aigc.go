package disclose

import (
	"errors"

	"github.com/avowai/avow/disclose/imagemeta"
)

// An AIGCLabel switches China's implicit label (GB 45438-2025) on. It goes into
// the XMP of images, beside the other metadata.
type AIGCLabel struct {
	// Producer is the name, or the code, of the generating service; empty means
	// the Label's Provider. At most 128 runes of it are written.
	Producer string
}

// ErrAIGC is returned for a label that nobody is named in.
var ErrAIGC = errors.New("disclose: the AIGC label needs a producer: name one, or a provider")

// check says whether a producer can be named.
func (a *AIGCLabel) check(provider string) error {
	if a != nil && a.Producer == "" && provider == "" {
		return ErrAIGC
	}
	return nil
}

// text is the label of an output, as JSON; empty where it is switched off. An
// image that AI altered is content that it generated or synthesised, too: the
// standard has no value of its own for it.
func (a *AIGCLabel) text(l Label) string {
	if a == nil {
		return ""
	}
	return imagemeta.AIGC{Label: "1", ContentProducer: cut(firstOf(a.Producer, l.Provider)), ProduceID: l.ID.String()}.JSON()
}
