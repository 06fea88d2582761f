package container

import (
	"fmt"
	"slices"
)

// An edit takes ranges out of a file and puts bytes at one place.
type edit struct {
	cut []Range // sorted, disjoint; at is inside none of them
	at  int64
	put []byte
}

// cuts are the ranges that hold stores, sorted.
func cuts(stores []store) []Range {
	var all []Range
	for _, s := range stores {
		all = append(all, s.whole...)
	}
	slices.SortFunc(all, func(a, b Range) int { return int(a.Start - b.Start) })
	return merge(all)
}

// merge joins ranges that touch.
func merge(all []Range) (out []Range) {
	for _, r := range all {
		if n := len(out); n > 0 && out[n-1].End() == r.Start {
			out[n-1].Length += r.Length
		} else {
			out = append(out, r)
		}
	}
	return out
}

func shift(ranges []Range, by int64) []Range {
	out := make([]Range, len(ranges))
	for i, r := range ranges {
		out[i] = Range{r.Start + by, r.Length}
	}
	return out
}

// growth is how much longer the file gets.
func (e edit) growth() int64 {
	n := int64(len(e.put))
	for _, c := range e.cut {
		n -= c.Length
	}
	return n
}

// apply returns the edited copy of a file.
func (e edit) apply(data []byte) ([]byte, error) {
	size := int64(len(data))
	if err := checkRanges(e.cut, size); err != nil {
		return nil, err
	}
	if e.at < 0 || e.at > size {
		return nil, fmt.Errorf("%w: no place for a store", ErrContainer)
	}
	out := make([]byte, 0, size+e.growth())
	var pos int64
	done := false
	for _, c := range e.cut {
		if !done && e.at <= c.Start {
			out, pos, done = e.insert(out, data, pos)
		}
		out = append(out, data[pos:c.Start]...)
		pos = c.End()
		if !done && e.at < pos {
			return nil, fmt.Errorf("%w: no place for a store", ErrContainer)
		}
	}
	if !done {
		out, pos, _ = e.insert(out, data, pos)
	}
	return append(out, data[pos:]...), nil
}

func (e edit) insert(out, data []byte, pos int64) ([]byte, int64, bool) {
	out = append(out, data[pos:e.at]...)
	return append(out, e.put...), e.at, true
}

// moved is where the byte at an offset of the old file stands in the new one. A
// byte that was cut gives the place where it would be.
func (e edit) moved(at int64) int64 {
	to := at
	for _, c := range e.cut {
		if c.Start < at {
			to -= min(c.Length, at-c.Start)
		}
	}
	if at >= e.at {
		to += int64(len(e.put))
	}
	return to
}
