// Package textmark stub.
package textmark

import "github.com/avowai/avow/watermark"

const (
	Threshold       = 800
	DefaultDistance = 400
	DenseDistance   = 200
)

type ID [5]byte
type Options struct {
	Distance int
	Long     bool
}
type Insertion struct {
	At    int
	Frame string
}
type Skip uint8

func (Skip) String() string { return "" }

type Placer struct{}

func NewPlacer(id ID, key watermark.Key, o Options) *Placer         { return &Placer{} }
func (p *Placer) Next(piece, ahead string) []Insertion              { return nil }
func (p *Placer) Wait(piece string) bool                            { return false }
func (p *Placer) Placed() int                                       { return 0 }
func (p *Placer) Stop()                                             {}
func (p *Placer) Runes() int                                        { return 0 }
func (p *Placer) Skip() Skip                                        { return 0 }
func OwnRuns(raw []byte, keys ...watermark.Key) [][2]int            { return nil }
