package ledger

import "time"

func (w *writer) retain() time.Duration { return time.Hour }
