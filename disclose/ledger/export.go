package ledger

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/avowai/avow/disclose"
)

// An ExportedRow is one line of an export: a row's place in its chain, and what it
// holds, by its kind. Bytes are hexadecimal.
type ExportedRow struct {
	Writer  string           `json:"writer"`
	Seq     int64            `json:"seq"`
	Kind    string           `json:"kind"` // record, head, erasure
	At      time.Time        `json:"at"`
	Link    string           `json:"link"`
	Body    string           `json:"body"` // what the link is computed over
	Record  *ExportedRecord  `json:"record,omitempty"`
	Erased  *ExportedErasure `json:"erasure,omitempty"`
	Problem string           `json:"problem,omitempty"` // why the body cannot be read
}

// An ExportedRecord is a record without its manifest and fingerprint.
type ExportedRecord struct {
	ID             string    `json:"id"`
	Time           time.Time `json:"time"`
	Source         string    `json:"source,omitempty"`
	Involvement    string    `json:"involvement,omitempty"`
	Provider       string    `json:"provider,omitempty"`
	System         string    `json:"system,omitempty"`
	Version        string    `json:"version,omitempty"`
	Generator      string    `json:"generator,omitempty"`
	MediaType      string    `json:"media_type,omitempty"`
	Shape          string    `json:"shape,omitempty"`
	Route          string    `json:"route,omitempty"`
	Response       string    `json:"response,omitempty"`
	Carriers       []string  `json:"carriers"`
	Skipped        []string  `json:"skipped,omitempty"`
	Outcome        string    `json:"outcome"`
	Empty          bool      `json:"empty,omitempty"`
	StoredManifest bool      `json:"stored_manifest,omitempty"`
	ManifestID     string    `json:"manifest_id,omitempty"`
	Notices        []string  `json:"notices,omitempty"`
	Language       string    `json:"language,omitempty"`
	NoticeHash     string    `json:"notice_sha256,omitempty"`
	SHA256         string    `json:"sha256,omitempty"`
	Size           int64     `json:"size"`
	Session        string    `json:"session,omitempty"`
	Recorded       time.Time `json:"recorded"`
	Fingerprint    bool      `json:"fingerprint"` // one is kept
	Erased         bool      `json:"erased,omitempty"`
}

// An ExportedErasure names the row whose fingerprint and manifest were erased.
type ExportedErasure struct {
	Writer string `json:"writer"`
	Seq    int64  `json:"seq"`
	ID     string `json:"id"`
}

// Export writes all rows as JSON Lines, chain by chain in their order, as they
// were when it began. Fingerprints and manifests are left out.
func (l *Ledger) Export(ctx context.Context, w io.Writer) error {
	tx, err := l.d.snapshot(ctx, l.read)
	if err != nil {
		return fmt.Errorf("ledger: export: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	c := newCheck(l, tx)
	ends, err := c.ends(ctx)
	if err != nil {
		return fmt.Errorf("ledger: export: %w", err)
	}
	buf := bufio.NewWriterSize(w, 1<<16)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	for _, e := range ends {
		err := c.each(ctx, e.chain, func(r fullRow) error { return enc.Encode(exported(e.writer, r)) })
		if err != nil {
			return fmt.Errorf("ledger: export: %w", err)
		}
	}
	return buf.Flush()
}

func exported(writer string, r fullRow) ExportedRow {
	out := ExportedRow{
		Writer: writer, Seq: r.seq, Kind: "record", At: time.UnixMilli(r.at).UTC(),
		Link: hex.EncodeToString(r.link), Body: hex.EncodeToString(r.body),
	}
	var err error
	switch r.kind {
	case kindHead:
		out.Kind = "head"
		_, err = decodeHead(r.body)
	case kindErasure:
		var e erasure
		out.Kind = "erasure"
		e, err = decodeErasure(r.body)
		out.Erased = &ExportedErasure{e.writer, e.seq, e.id.String()}
	default:
		var b body
		if b, err = decodeBody(r.body); err == nil {
			out.Record = exportedRecord(b.record)
			out.Record.Fingerprint, out.Record.Erased = r.print != nil, r.erased != 0
		}
	}
	if err != nil {
		out.Problem = err.Error()
	}
	return out
}

func exportedRecord(r disclose.Record) *ExportedRecord {
	out := &ExportedRecord{
		ID: r.Label.ID.String(), Time: r.Label.Time, Source: string(r.Label.Source), Involvement: string(r.Label.Involvement),
		Provider: r.Label.Provider, System: r.Label.System, Version: r.Label.Version, Generator: r.Label.Generator,
		MediaType: r.MediaType, Shape: string(r.Shape), Route: r.Route, Response: r.Response, Carriers: []string{},
		Outcome: string(r.Outcome), Empty: r.Empty, StoredManifest: r.StoredManifest, ManifestID: r.ManifestID,
		Notices: r.Notices, Language: r.Language, NoticeHash: hash(r.NoticeHash), SHA256: hash(r.SHA256),
		Size: r.Size, Session: hash(r.Session), Recorded: r.Recorded,
	}
	for _, c := range r.Carriers {
		out.Carriers = append(out.Carriers, c.String())
	}
	for _, s := range r.Skipped {
		out.Skipped = append(out.Skipped, string(s))
	}
	return out
}

// hash is a hash in hexadecimal, nothing for none.
func hash(h [32]byte) string {
	if h == [32]byte{} {
		return ""
	}
	return hex.EncodeToString(h[:])
}
