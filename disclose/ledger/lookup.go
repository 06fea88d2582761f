package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

// maxPrefix is how many records ByPrefix returns at most.
const maxPrefix = 1000

// recordColumns are what a record is made of.
const recordColumns = `n, body, erased, print`

// ByID returns the latest record of a label, or disclose.ErrNoRecord. Its Manifest
// is empty: Manifest returns it.
func (l *Ledger) ByID(ctx context.Context, id watermark.Payload) (disclose.Record, error) {
	return l.latest(ctx, `id = ?1`, id[:])
}

// ByResponse returns the latest record of an API's own response id, or
// disclose.ErrNoRecord.
func (l *Ledger) ByResponse(ctx context.Context, response string) (disclose.Record, error) {
	if response == "" {
		return disclose.Record{}, disclose.ErrNoRecord
	}
	return l.latest(ctx, `response = ?1`, []byte(cut(response)))
}

func (l *Ledger) latest(ctx context.Context, where string, arg any) (disclose.Record, error) {
	all, err := l.records(ctx, where+` ORDER BY at DESC, n DESC LIMIT 1`, arg)
	switch {
	case err != nil:
		return disclose.Record{}, err
	case len(all) == 0:
		return disclose.Record{}, disclose.ErrNoRecord
	}
	return all[0].record, nil
}

// ByPrefix returns the records whose id starts with prefix, at most 1000.
func (l *Ledger) ByPrefix(ctx context.Context, prefix []byte) ([]disclose.Record, error) {
	if len(prefix) == 0 || len(prefix) > len(watermark.Payload{}) {
		return nil, nil
	}
	first, last := watermark.Payload{}, watermark.Payload(slices.Repeat([]byte{0xff}, len(watermark.Payload{})))
	copy(first[:], prefix)
	copy(last[:], prefix)
	all, err := l.records(ctx, fmt.Sprintf(`id >= ?1 AND id <= ?2 ORDER BY id LIMIT %d`, maxPrefix), first[:], last[:])
	var out []disclose.Record
	for _, s := range all {
		out = append(out, s.record)
	}
	return out, err
}

// A stored record is a record with its number.
type stored struct {
	n      int64
	record disclose.Record
}

// records reads the rows of records that a condition names. Rows that are none are
// left out, and logged: Verify names them.
func (l *Ledger) records(ctx context.Context, where string, args ...any) ([]stored, error) {
	rows, err := l.read.QueryContext(ctx, l.d.sql(`SELECT `+recordColumns+` FROM avow_records WHERE kind = 0 AND `+where), args...)
	if err != nil {
		return nil, fmt.Errorf("ledger: look up: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []stored
	for rows.Next() {
		var n, erased int64
		var data, print []byte
		if err := rows.Scan(&n, &data, &erased, &print); err != nil {
			return nil, fmt.Errorf("ledger: look up: %w", err)
		}
		r, err := decodeRecord(data, print)
		if err != nil {
			l.o.Logger.Error("a row of the ledger cannot be read; run avow ledger verify", "row", n, "error", err)
			continue
		}
		r.Erased = erased != 0
		out = append(out, stored{n, r})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ledger: look up: %w", err)
	}
	return out, nil
}

// decodeRecord puts a record together again. A fingerprint of another version is as
// good as none.
func decodeRecord(data, print []byte) (disclose.Record, error) {
	b, err := decodeBody(data)
	if f, perr := decodePrint(print); perr == nil {
		b.record.Fingerprint = f
	}
	return b.record, err
}

// Manifest returns the manifest store of an output, by the output's id or by the
// label of its active manifest, or disclose.ErrNoManifest.
func (l *Ledger) Manifest(ctx context.Context, name string) ([]byte, error) {
	where, arg := `label = ?1`, []byte(cut(name))
	if id, err := watermark.ParsePayload(name); err == nil {
		where, arg = `id = ?1`, id[:]
	}
	var store []byte
	err := l.read.QueryRowContext(ctx, l.d.sql(`SELECT store FROM avow_manifests WHERE `+where+` ORDER BY n DESC LIMIT 1`), arg).Scan(&store)
	if errors.Is(err, sql.ErrNoRows) || name == "" {
		return nil, disclose.ErrNoManifest
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: manifest: %w", err)
	}
	return store, nil
}
