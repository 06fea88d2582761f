package c2pa

import "fmt"

// Format prints whom a Signer signs as, never its Key, for every verb.
func (s *Signer) Format(f fmt.State, _ rune) {
	if s == nil || len(s.Chain) == 0 || s.Chain[0] == nil {
		_, _ = fmt.Fprint(f, "c2pa.Signer")
		return
	}
	_, _ = fmt.Fprintf(f, "c2pa.Signer{%s}", s.Chain[0].Subject)
}
