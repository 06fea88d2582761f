package ledger

import (
	"context"

	"github.com/avowai/avow/disclose"
)

func (l *Ledger) Similar(ctx context.Context, f disclose.Fingerprint) ([]disclose.Similarity, error) {
	return nil, nil
}
