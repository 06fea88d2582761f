package ledger

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// A Verification is what a walk over all chains found.
type Verification struct {
	Rows     int64     `json:"rows"`
	Chains   []Chain   `json:"chains"`
	Problems []Problem `json:"problems"` // at most 100; Found counts all
	Found    int64     `json:"found"`
	Notes    []Problem `json:"notes"` // what an operator may want to know and is no fault
}

// Intact reports whether nothing was found to be wrong.
func (v Verification) Intact() bool { return v.Found == 0 }

// A Chain is what one writer wrote.
type Chain struct {
	Writer string `json:"writer"`
	// First and Last are the sequence numbers of the rows that are there; rows
	// before First were deleted for their age. Both are zero for no rows.
	First int64 `json:"first"`
	Last  int64 `json:"last"`
	// Link is the link of the last row, in hexadecimal. Kept elsewhere, it shows
	// later that nothing up to Last was changed.
	Link string `json:"link"`
	// Heads is the number of signed heads, Signed the row that the last one
	// stands for, at SignedAt.
	Heads    int64     `json:"heads"`
	Signed   int64     `json:"signed"`
	SignedAt time.Time `json:"signed_at,omitzero"`
}

// A Problem says what is wrong with a row, or with a chain as a whole where Seq
// is 0.
type Problem struct {
	Writer string `json:"writer"`
	Seq    int64  `json:"seq"`
	What   string `json:"what"`
}

// String is the problem in one line.
func (p Problem) String() string { return fmt.Sprintf("%s, row %d: %s", p.Writer, p.Seq, p.What) }

// maxProblems is how many problems are kept.
const maxProblems = 100

// maxUnsigned is how long rows may be written without a head between them, before
// it is a problem: a writer signs every minute, and one that dies leaves less.
const maxUnsigned = 10 * time.Minute

// ErrLink is returned for a text that is no link.
var ErrLink = errors.New("ledger: not a link")

// A check is one walk.
type check struct {
	l    *Ledger
	tx   *sql.Tx
	v    Verification
	keys []ed25519.PublicKey

	kept     map[link]bool    // links that have not been met yet
	stray    []int64          // numbers of manifests of the chain that belong to no row
	erased   map[int64]int64  // number of an erased row -> the erasure it names
	erasures map[int64]int64  // number of an erasure -> the row it erased
	numbers  map[string]int64 // writer -> chain
	cuts     map[int64]int64  // chain -> last row that was cut off
}

func newCheck(l *Ledger, tx *sql.Tx) *check {
	return &check{
		l: l, tx: tx, v: Verification{Chains: []Chain{}, Problems: []Problem{}, Notes: []Problem{}},
		kept: map[link]bool{}, erased: map[int64]int64{}, erasures: map[int64]int64{}, numbers: map[string]int64{}, cuts: map[int64]int64{},
	}
}

// Verify walks all chains and recomputes every link, digest and signature. It sees
// the ledger as it was when it began, while others write on. An error means that
// the walk could not be finished.
//
// Kept are links of earlier verifications, as Chain.Link gave them: each has to be
// in a chain still. They show what somebody changed who can write to the database
// and took the signed heads out with the rows.
func (l *Ledger) Verify(ctx context.Context, kept ...string) (Verification, error) {
	tx, err := l.d.snapshot(ctx, l.read)
	if err != nil {
		return Verification{}, fmt.Errorf("ledger: verify: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	c := newCheck(l, tx)
	for _, k := range append(slices.Clone(l.o.VerifyKeys), l.o.Key) {
		if public := HeadKey(k); public != nil {
			c.keys = append(c.keys, public)
		}
	}
	for _, k := range kept {
		raw, err := hex.DecodeString(k)
		if err != nil || len(raw) != len(link{}) {
			return Verification{}, fmt.Errorf("%w: want 64 hexadecimal digits", ErrLink)
		}
		c.kept[link(raw)] = true
	}
	if err := c.run(ctx); err != nil {
		return c.v, fmt.Errorf("ledger: verify: %w", err)
	}
	return c.v, nil
}

func (c *check) run(ctx context.Context) error {
	ends, err := c.ends(ctx)
	if err != nil {
		return err
	}
	for _, e := range ends {
		if err := c.chain(ctx, e); err != nil {
			return err
		}
	}
	if err := c.strays(ctx, ends); err != nil {
		return err
	}
	c.checkErasures()
	for k := range c.kept {
		c.problem("", 0, "the link %x of an earlier verification is in no chain: rows were written anew, or deleted for their age", k[:])
	}
	return nil
}

// problem keeps what is wrong.
func (c *check) problem(writer string, seq int64, format string, args ...any) {
	c.v.Found++
	if len(c.v.Problems) < maxProblems {
		c.v.Problems = append(c.v.Problems, Problem{writer, seq, fmt.Sprintf(format, args...)})
	}
}

// An end is what the table of chains says of one.
type end struct {
	chain  int64
	writer string
	seq    int64
	link   []byte
	head   int64
	start  point // what the first row follows
}

func (c *check) ends(ctx context.Context) ([]end, error) {
	rows, err := c.tx.QueryContext(ctx, `SELECT chain, writer, seq, link, head, cut FROM avow_chains ORDER BY chain`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []end
	for rows.Next() {
		var e end
		var writer, cut []byte
		if err := rows.Scan(&e.chain, &writer, &e.seq, &e.link, &e.head, &cut); err != nil {
			return nil, err
		}
		e.writer = string(writer)
		e.start = point{writer: e.writer, link: genesis(e.writer)}
		if cut != nil {
			c.cutOf(&e, cut)
		}
		c.numbers[e.writer], c.cuts[e.chain] = e.chain, e.start.seq
		out = append(out, e)
	}
	return out, rows.Err()
}

// cutOf checks the signed statement that rows were deleted for their age.
func (c *check) cutOf(e *end, data []byte) {
	m, err := decodeCut(data)
	if err != nil {
		c.problem(e.writer, 0, "what says which rows were deleted for their age cannot be read")
		return
	}
	e.start = m.point(e.writer)
	switch {
	case m.sig.none() && len(c.keys) > 0:
		c.problem(e.writer, m.seq, "rows up to here were deleted, and nobody signed for it")
	case !m.sig.none() && !m.sig.valid("cut", e.start):
		c.problem(e.writer, m.seq, "rows up to here were deleted, and the signature for it is wrong")
	case !m.sig.none() && !c.known(m.sig.key()):
		c.problem(e.writer, m.seq, "rows up to here were deleted, signed with a key that is not known")
	}
}

// known reports whether heads of this key are accepted. Without any key every
// signature only shows that it is its own key's.
func (c *check) known(key ed25519.PublicKey) bool {
	if len(c.keys) == 0 {
		return true
	}
	return slices.ContainsFunc(c.keys, func(k ed25519.PublicKey) bool { return bytes.Equal(k, key) })
}

// strays are rows and manifests that belong to no chain.
func (c *check) strays(ctx context.Context, ends []end) error {
	low := int64(math.MinInt64)
	for i := range len(ends) + 1 {
		high := int64(math.MaxInt64)
		if i < len(ends) {
			high = rowNumber(ends[i].chain, 0)
		}
		for _, table := range []string{"avow_records", "avow_manifests"} {
			var n int64
			q := `SELECT count(*) FROM ` + table + ` WHERE n >= ?1 AND n <= ?2`
			if err := c.tx.QueryRowContext(ctx, c.l.d.sql(q), low, high).Scan(&n); err != nil {
				return err
			}
			if n > 0 {
				c.problem("", 0, "%d rows of %s belong to no chain: a whole chain was taken out of avow_chains, or they were put in", n, table)
			}
		}
		if i < len(ends) {
			low = rowNumber(ends[i].chain+1, 0)
		}
	}
	return nil
}

// checkErasures compares rows that say that they were erased with the notes that
// erased them.
func (c *check) checkErasures() {
	for n, by := range c.erased {
		note, ok := c.erasures[by]
		chain, seq := by>>chainBits, by&(1<<chainBits-1)
		if !ok && seq <= c.cuts[chain] && seq > 0 && chain != n>>chainBits {
			continue // the note was deleted for its age; in the row's own chain it comes behind the row
		}
		if !ok || note != n {
			c.problem(c.nameOf(n>>chainBits), n&(1<<chainBits-1), "its fingerprint or manifest is gone, and no note in the chain says that it was erased")
		}
	}
	for by, n := range c.erasures {
		seq := n & (1<<chainBits - 1)
		if _, ok := c.erased[n]; !ok && seq > c.cuts[n>>chainBits] {
			c.problem(c.nameOf(n>>chainBits), seq, "a note says that it was erased (row %d of %s), and it was not", by&(1<<chainBits-1), c.nameOf(by>>chainBits))
		}
	}
}

func (c *check) nameOf(chain int64) string {
	for name, n := range c.numbers {
		if n == chain {
			return name
		}
	}
	return ""
}
