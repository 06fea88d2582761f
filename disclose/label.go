package disclose

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"net/url"
	"slices"
	"strings"

	"github.com/avowai/avow/internal/overlay"
	"github.com/avowai/avow/watermark"
)

// A Badge is what a visible label says in words. The Code of Practice asks for
// the capitals "AI" in every language; the second part is optional.
type Badge string

// The badges. The empty value stands for BadgeAI.
const (
	BadgeAI        Badge = "ai"           // AI
	BadgeGenerated Badge = "ai_generated" // AI GENERATED
	BadgeModified  Badge = "ai_modified"  // AI MODIFIED
	BadgeNone      Badge = "none"         // no words: QR code or image alone
)

// A Corner is a corner of a picture as its viewer sees it.
type Corner string

// The corners. The empty value stands for CornerTopRight.
const (
	CornerTopRight    Corner = "top_right"
	CornerTopLeft     Corner = "top_left"
	CornerBottomRight Corner = "bottom_right"
	CornerBottomLeft  Corner = "bottom_left"
)

// LabelID in VisibleLabelOptions.QR stands for the ID of the picture's Label.
const LabelID = "{id}"

// ErrLabelTooSmall is the cause when a picture has no room for its label.
var ErrLabelTooSmall = overlay.ErrTooSmall

// VisibleLabelOptions say what is drawn into pictures, and where. The zero value
// is the badge "AI" at the top right. Sizes are shares of the picture's shorter
// side (of a quarter of the longer one, where that is more).
type VisibleLabelOptions struct {
	// Badge of the label; empty means BadgeAI.
	Badge Badge
	// Corner of the label; empty means CornerTopRight.
	Corner Corner
	// Size is the height of the badge's capitals, up to 0.25; 0 means 0.035.
	Size float64
	// MinSize is the least height of the capitals in pixels, up to 256; 0 means 12.
	MinSize int
	// Margin to both edges, up to 0.25; 0 means 0.02, less than 0 none.
	Margin float64
	// QR is an http or https address of at most 300 bytes, drawn as a QR code
	// below the badge. LabelID in it becomes the picture's ID. Empty draws none.
	QR string
	// Image of the operator's own, drawn as it is, never enlarged; at most 4096
	// pixels on a side. It is not to change afterwards. Nil draws none.
	Image image.Image
	// Box is the side of the QR code and the longer side of Image, up to 0.5; 0
	// means 0.16. A QR code takes what its modules of 3 pixels need.
	Box float64
}

// A VisibleLabel is drawn into pictures before they are marked, so that people
// see what the other carriers tell programs. It is safe for concurrent use.
//
// It is no substitute for them: it can be cropped, and no program reads it.
type VisibleLabel struct {
	o     overlay.Options
	fixed *overlay.Label // nil where the QR code differs by picture
	print string
}

// NewVisibleLabel checks the options; its error says which one is wrong.
func NewVisibleLabel(o VisibleLabelOptions) (*VisibleLabel, error) {
	text, ok := map[Badge]overlay.Text{
		"": overlay.AI, BadgeAI: overlay.AI, BadgeGenerated: overlay.AIGenerated, BadgeModified: overlay.AIModified, BadgeNone: overlay.NoText,
	}[o.Badge]
	if !ok {
		return nil, fmt.Errorf("disclose: visible label: badge %q: choose ai, ai_generated, ai_modified or none", o.Badge)
	}
	corner, ok := map[Corner]overlay.Corner{
		"": overlay.TopRight, CornerTopRight: overlay.TopRight, CornerTopLeft: overlay.TopLeft,
		CornerBottomRight: overlay.BottomRight, CornerBottomLeft: overlay.BottomLeft,
	}[o.Corner]
	if !ok {
		return nil, fmt.Errorf("disclose: visible label: corner %q: choose top_right, top_left, bottom_right or bottom_left", o.Corner)
	}
	if err := checkQR(o.QR); err != nil {
		return nil, fmt.Errorf("disclose: visible label: QR address %q: %w", o.QR, err)
	}
	v := &VisibleLabel{print: fingerprintOf(o), o: overlay.Options{
		Text: text, URL: o.QR, Image: o.Image, Corner: corner,
		Size: o.Size, MinSize: o.MinSize, Margin: o.Margin, Box: o.Box,
	}}
	drawn, err := v.overlayFor(watermark.Payload{})
	if err != nil {
		return nil, fmt.Errorf("disclose: visible label: %w", err)
	}
	if !strings.Contains(o.QR, LabelID) {
		v.fixed = drawn
	}
	return v, nil
}

// checkQR wants an address that a telephone opens.
func checkQR(address string) error {
	if address == "" {
		return nil
	}
	u, err := url.Parse(strings.ReplaceAll(address, LabelID, watermark.Payload{}.String()))
	switch {
	case err != nil:
		return errors.New("not an address")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return errors.New("want a whole address such as https://ai.example/avow/verify")
	case u.User != nil:
		return errors.New("must not carry a user name: everyone who sees the picture reads it")
	}
	return nil
}

// fingerprintOf is a digest over everything that changes what is drawn.
func fingerprintOf(o VisibleLabelOptions) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%q %q %g %d %g %q %g", o.Badge, o.Corner, o.Size, o.MinSize, o.Margin, o.QR, o.Box)
	if o.Image != nil && max(o.Image.Bounds().Dx(), o.Image.Bounds().Dy()) <= overlay.MaxImageSide {
		b := o.Image.Bounds()
		_, _ = fmt.Fprintf(h, " %v", b.Size())
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				r, g, b, a := o.Image.At(x, y).RGBA()
				h.Write([]byte{byte(r >> 8), byte(g >> 8), byte(b >> 8), byte(a >> 8)})
			}
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

// String is a digest over the options: labels that draw the same have the same.
// A nil label gives "off".
func (v *VisibleLabel) String() string {
	if v == nil {
		return "off"
	}
	return v.print
}

// overlayFor is the label for the picture with this ID.
func (v *VisibleLabel) overlayFor(id watermark.Payload) (*overlay.Label, error) {
	if v.fixed != nil {
		return v.fixed, nil
	}
	o := v.o
	o.URL = strings.ReplaceAll(o.URL, LabelID, id.String())
	return overlay.New(o)
}

// draw returns a copy of img with the label in it.
func (v *VisibleLabel) draw(img image.Image, orientation int, id watermark.Payload) (image.Image, error) {
	l, err := v.overlayFor(id)
	if err != nil {
		return nil, err
	}
	return l.Draw(img, orientation)
}

// applicable is what of set applies to images, and the visible label where it is
// switched on: routes choose among machine-readable carriers alone.
func applicable(set CarrierSet, visible *VisibleLabel) CarrierSet {
	set &= NewCarrierSet(CarrierImageMark, CarrierMetadata, CarrierManifest)
	if visible != nil {
		set = set.With(CarrierVisibleLabel)
	}
	return set
}

// labelReason names why a label was not drawn.
func labelReason(err error) Reason {
	if errors.Is(err, ErrLabelTooSmall) {
		return ReasonTooSmall
	}
	return ReasonMarkerError
}

// recordShowsLabel reports whether the record of id says that the picture left
// with a visible label.
func (im *imageMarker) recordShowsLabel(ctx context.Context, id watermark.Payload) bool {
	if im.o.Records == nil {
		return false
	}
	r, err := im.o.Records.ByID(ctx, id)
	return err == nil && slices.Contains(r.Carriers, CarrierVisibleLabel)
}
