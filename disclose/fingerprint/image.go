package fingerprint

// An Image is the fingerprint of a picture: a global part, by which it is looked
// for, and local ones, by which parts of it are recognised.
type Image struct {
	// Width and Height of the picture in pixels; zero for no fingerprint.
	Width, Height int
	Global        Global
	// Local are the fingerprints of the cells of a grid over the picture, row by
	// row.
	Local []uint64
}

// IsZero reports whether there is no fingerprint.
func (i Image) IsZero() bool { return i.Width == 0 || i.Height == 0 }
