package disclose

// Compare reports how close a record is to a fingerprint, and whether that is
// close enough for Records.Similar to return it.
func Compare(f Fingerprint, r Record) (s Similarity, near bool) { return compare(f, r) }
