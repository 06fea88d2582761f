package config

import (
	"fmt"

	"github.com/avowai/avow/disclose"
)

// A VisibleLabel is off, on, or how the label on pictures looks.
type VisibleLabel struct {
	On    bool
	Looks Looks `yaml:",inline"`
}

// Looks are the parts of a visible label that may be chosen; zero values mean
// what [disclose.VisibleLabelOptions] says.
type Looks struct {
	Badge  string  `yaml:"badge,omitempty" enum:"ai|ai_generated|ai_modified|none" doc:"The words."`
	Corner string  `yaml:"corner,omitempty" enum:"top_right|top_left|bottom_right|bottom_left" doc:"Where it is."`
	Size   float64 `yaml:"size,omitempty" doc:"Height of the capitals as a share of the shorter side."`
	Margin float64 `yaml:"margin,omitempty" doc:"Distance from the edge as a share of the shorter side."`
	QR     string  `yaml:"qr,omitempty" doc:"Address in a QR code; {id} stands for the picture's ID."`
}

// UnmarshalYAML reads off, on or a mapping, which means on.
func (l *VisibleLabel) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	if unmarshal(&word) == nil {
		if word != "on" && word != "off" {
			return fmt.Errorf("image.label: %.32q is not possible; choose off, on, or {badge: …, corner: …, size: …, margin: …, qr: …}", word)
		}
		*l = VisibleLabel{On: word == "on"}
		return nil
	}
	l.On, l.Looks = true, Looks{}
	return unmarshal(&l.Looks)
}

// MarshalYAML writes the form it was read in.
func (l VisibleLabel) MarshalYAML() (any, error) {
	switch {
	case !l.On:
		return "off", nil
	case l.Looks == Looks{}:
		return "on", nil
	}
	return l.Looks, nil
}

// visible is the label to draw; nil where it is off.
func (l VisibleLabel) visible() (*disclose.VisibleLabel, error) {
	if !l.On {
		return nil, nil
	}
	v, err := disclose.NewVisibleLabel(disclose.VisibleLabelOptions{
		Badge: disclose.Badge(l.Looks.Badge), Corner: disclose.Corner(l.Looks.Corner),
		Size: l.Looks.Size, Margin: l.Looks.Margin, QR: l.Looks.QR,
	})
	if err != nil {
		return nil, fmt.Errorf("image.label: %w", err)
	}
	return v, nil
}
