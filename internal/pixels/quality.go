package pixels

import "bytes"

// luminance is the sum of the example luminance table of ITU-T T.81, table K.1,
// which quality 50 uses as it stands.
const luminance = 3688

// Quality estimates the quality, 1 to 100, that a JPEG file was encoded with,
// from its first quantisation table and the scaling rule of the IJG library. It
// returns 90 where the file has no table that can be read.
func Quality(data []byte) int {
	i := bytes.Index(data, []byte{0xFF, 0xDB})
	if i < 0 || i+5 > len(data) {
		return 90
	}
	wide := data[i+4]>>4 != 0
	size := 64
	if wide {
		size = 128
	}
	table := data[i+5:]
	if len(table) < size {
		return 90
	}
	sum := 0
	for j := range 64 {
		if wide {
			sum += int(table[2*j])<<8 | int(table[2*j+1])
		} else {
			sum += int(table[j])
		}
	}
	scale := 100 * float64(sum) / luminance
	if scale <= 100 {
		return min(100, int((200-scale)/2+0.5))
	}
	return max(1, int(5000/scale+0.5))
}
