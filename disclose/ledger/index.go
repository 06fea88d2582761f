package ledger

type index struct{}

func (i *index) init(int64) {}
