package watermark

func clamp(x, lo, hi float64) float64 { return min(max(x, lo), hi) }

func abs[T int | float64](v T) T {
	if v < 0 {
		return -v
	}
	return v
}
