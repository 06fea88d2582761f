package watermark

import "math"

func sqrt(x float64) float64 { return math.Sqrt(x) }

func clamp(x, lo, hi float64) float64 { return min(max(x, lo), hi) }
