package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A Size is a number of bytes, written as 32MiB, 256KiB, 1GiB or a bare number.
type Size int64

var units = []struct {
	name string
	size int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	t, unit := strings.TrimSpace(string(text)), int64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(t, u.name); ok {
			t, unit = strings.TrimSpace(rest), u.size
			break
		}
	}
	n, err := strconv.ParseInt(t, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return fmt.Errorf("%.32q is no size; write for example 32MiB or 256KiB", text)
	}
	*s = Size(n * unit)
	return nil
}

// String writes a size with the largest unit that fits.
func (s Size) String() string {
	for _, u := range units {
		if int64(s) >= u.size && int64(s)%u.size == 0 && u.size > 1 {
			return fmt.Sprintf("%d%s", int64(s)/u.size, u.name)
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText is String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A Duration is written as 17520h, 250ms and the like.
type Duration time.Duration

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%.32q is no duration; write for example 17520h or 250ms", text)
	}
	*d = Duration(v)
	return nil
}

// String writes a duration.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText is String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// A Date is a day, written as 2026-11-23.
type Date struct{ time.Time }

// UnmarshalText reads a day.
func (d *Date) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.DateOnly, strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("%.32q is no date; write for example 2026-11-23", text)
	}
	d.Time = t
	return nil
}

// MarshalText writes a day.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.Format(time.DateOnly)), nil }

// A Shape is the name of a shape, or the JSON pointers of an operator's own.
type Shape struct {
	Name   string
	Text   []string `yaml:"text"`
	Images []string `yaml:"images"`
}

// own reports whether the shape is described by pointers.
func (s Shape) own() bool { return len(s.Text)+len(s.Images) > 0 }

// pointers is a Shape in its mapping form.
type pointers struct {
	Text   []string `yaml:"text" doc:"JSON pointers (RFC 6901) to texts; * stands for every element."`
	Images []string `yaml:"images" doc:"JSON pointers to images, base64 or data URIs."`
}

// UnmarshalYAML reads either form.
func (s *Shape) UnmarshalYAML(unmarshal func(any) error) error {
	var name string
	if unmarshal(&name) == nil {
		s.Name = name
		return nil
	}
	var o pointers
	if err := unmarshal(&o); err != nil {
		return err
	}
	s.Text, s.Images = o.Text, o.Images
	return nil
}

// MarshalYAML writes the form it was read in.
func (s Shape) MarshalYAML() (any, error) {
	if s.own() {
		return pointers{s.Text, s.Images}, nil
	}
	return s.Name, nil
}
