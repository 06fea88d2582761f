package main

// The measured figures, each with the file of bench/results that it stands in; a
// test looks for them there. They are those of two shared cores: a lower bound.
const (
	// throughput.md: p50 of an exchange through avow on one machine, client and
	// backend included, taken as the time of a core.
	jsonSeconds       = 93.7e-6
	firstEventSeconds = 244.0e-6
	// An event costs less than a whole bare exchange, throughput.md 62.8 µs, and
	// avow's own part, 0.19 µs.
	eventSeconds = 62.8e-6 + 0.19e-6
	// throughput.md: resident set of an open stream, in bytes.
	streamBytes = 68.2 * 1024
	// endtoend.md: marking a PNG file of a megapixel whole, a16; provenance.md: to
	// sign it.
	imageSeconds = 73.5e-3 + 0.22e-3
)

// The ledger, ledger.md, SQLite: records acknowledged per second with 64 writers,
// and the median wait of one of them.
const (
	rowsPerSecond = 25497
	waitMedian    = 1.9e-3
)

// bulk.md: bytes of an SQLite ledger for each row, manifests and fingerprints of
// small pictures included.
const rowBytes = 3168
