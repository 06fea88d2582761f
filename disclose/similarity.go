package disclose

import "github.com/avowai/avow/disclose/fingerprint"

// Compare reports whether a record is close to a fingerprint that was made with the
// same key, and how close: for implementations of Records.
func Compare(f Fingerprint, r Record) (s Similarity, near bool) {
	s.Record = r
	if f.KeyID != r.Fingerprint.KeyID {
		return s, false
	}
	if a, b := f.Image, r.Fingerprint.Image; !a.IsZero() && !b.IsZero() {
		s.Distance = a.Global.Distance(b.Global)
		return s, s.Distance <= fingerprint.SearchDistance
	}
	s.Shared = f.Text.Shared(r.Fingerprint.Text)
	return s, s.Shared >= fingerprint.SearchShared
}
