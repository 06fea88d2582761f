// Package report sets a configuration beside what law, guidelines and the Code of
// Practice on marking AI output ask for, row by row: what is asked, what this
// configuration does about it, where that can be seen, and what is left to people.
//
// The rows' fixed texts stand in obligations/*.tsv, one file for each group; what
// depends on the configuration is one small function for each row, in the file
// named like the group. Nothing here judges whether a law is satisfied: it says
// what software does.
package report

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/avowai/avow/cmd/avow/internal/config"
	"github.com/avowai/avow/disclose"
)

// Schema is the version of the report's JSON. It grows by members; a change of
// what one means gets a new number.
const Schema = 1

// A Status says how far a configuration goes with what one row asks. The set is
// closed, and none of its words is about the law.
type Status string

// The statuses.
const (
	// Covered: the technical part of what the row asks is done.
	Covered Status = "covered"
	// Partly: some of it is done; the row says what is missing.
	Partly Status = "partly"
	// Off: it is switched off, or not set up.
	Off Status = "off"
	// Operator: software does not do it; a person has to.
	Operator Status = "operator"
)

// Statuses returns the closed set.
func Statuses() []Status { return []Status{Covered, Partly, Off, Operator} }

// A Key is what may be said in public about a key of the ring.
type Key struct {
	ID       string     `json:"id"`
	State    string     `json:"state"`
	NotAfter *time.Time `json:"not_after,omitempty"`
}

// A Signer is what manifests are signed with.
type Signer struct {
	// Kind is "own", "development" or "none".
	Kind     string     `json:"kind"`
	Name     string     `json:"name,omitempty"`
	NotAfter *time.Time `json:"not_after,omitempty"`
}

// Input is what a report is made from.
type Input struct {
	Date    time.Time
	Version string // of avow
	Config  config.Config
	// File and SHA256 (hexadecimal, of the file's bytes) name the configuration;
	// both are empty for the defaults.
	File, SHA256 string
	Keys         []Key // of the ring, oldest first
	Signer       Signer
}

// A Row is one obligation.
type Row struct {
	ID     string `json:"id"`
	Asks   string `json:"asks"`
	Source string `json:"source"`
	// Force is law, guideline, code or practice, or several.
	Force  string `json:"force"`
	Status Status `json:"status"`
	// Does is what this configuration does about it.
	Does []string `json:"does"`
	// Evidence is where to look.
	Evidence []string `json:"evidence"`
	// Left is what is left to the operator.
	Left []string `json:"left"`
}

// A Group is the rows about one subject.
type Group struct {
	Name string `json:"name"`
	Rows []Row  `json:"rows"`
}

// A Report is the gap analysis of one configuration.
type Report struct {
	Schema   int            `json:"schema"`
	Date     time.Time      `json:"date"`
	Tool     Tool           `json:"tool"`
	Config   File           `json:"config"`
	Provider string         `json:"provider"`
	System   string         `json:"system"`
	Keys     []Key          `json:"keys"`
	Signer   Signer         `json:"signer"`
	Settings []Setting      `json:"settings"`
	Notes    []string       `json:"notes"`
	Counts   map[Status]int `json:"counts"`
	Groups   []Group        `json:"groups"`
}

// Tool names the program that made a report.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// File names a configuration; empty members mean the defaults.
type File struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// notes stand at the head of every report.
var notes = []string{
	"This report says what software does in one configuration. It is no legal advice, and says nothing about whether a law is satisfied: that depends on what the system is, who uses it, and on what is left to its operator.",
	"Following the Code of Practice helps to show how the duties of Article 50 are met. It is no presumption of conformity.",
	"AI Act is Regulation (EU) 2024/1689; Guidelines are the Commission's on its Article 50, of July 2026, which do not bind; Code is the Code of Practice on Transparency of AI-Generated Content, of June 2026, which is voluntary.",
	"What is asked stands here in short, made from copies and reports of the texts as of October 2026: read the official texts before relying on it.",
	"No mark found would not show that a person made something.",
}

//go:embed obligations/*.tsv
var obligations embed.FS

// groups are the tables, in the order of the report.
var groups = []struct {
	file, name string
	rules      map[string]rule
}{
	{"interaction", "Telling people that they interact with an AI system", interaction},
	{"marking", "Marks that machines read", marking},
	{"detection", "Detection", detection},
	{"label", "Visible labels of published content", label},
	{"evidence", "Evidence", evidence},
}

// A rule says what a configuration does about one row.
type rule func(*facts) answer

// New makes the report.
func New(in Input) (*Report, error) {
	f := newFacts(in)
	r := &Report{
		Schema: Schema, Date: in.Date.UTC().Truncate(time.Second), Tool: Tool{"avow", in.Version}, Config: File{in.File, in.SHA256},
		Provider: in.Config.Provider, System: strings.TrimSpace(in.Config.System + " " + in.Config.SystemVersion),
		Keys: append([]Key{}, in.Keys...), Signer: in.Signer, Settings: f.settings(), Notes: notes, Counts: map[Status]int{},
	}
	for _, s := range Statuses() {
		r.Counts[s] = 0
	}
	for _, g := range groups {
		rows, err := table(g.file)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			rule := g.rules[rows[i].ID]
			if rule == nil {
				return nil, fmt.Errorf("report: %s: nothing says what is done about %s", g.file, rows[i].ID)
			}
			rows[i].fill(f, rule(f))
			r.Counts[rows[i].Status]++
		}
		r.Groups = append(r.Groups, Group{g.name, rows})
	}
	return r, nil
}

// fill completes a row with what the configuration does.
func (r *Row) fill(f *facts, a answer) {
	r.Status, r.Does = a.status, a.does
	seen := []string{}
	for _, e := range r.Evidence {
		if !strings.Contains(e, publicPath) {
			seen = append(seen, e)
		} else if f.public != "" {
			seen = append(seen, strings.ReplaceAll(e, publicPath, f.public))
		}
	}
	r.Evidence = append(seen, a.evidence...)
	r.Left = append(a.left, r.Left...)
}

// publicPath stands in a table for the path of the public pages; evidence with it
// is left out where there are none.
const publicPath = "{public}"

// Columns of a table, and what separates several entries in one.
const (
	columns   = 6
	separator = " // "
)

// table reads one file of obligations: id, source, force, what is asked, evidence,
// what is left.
func table(name string) ([]Row, error) {
	data, err := obligations.ReadFile("obligations/" + name + ".tsv")
	if err != nil {
		return nil, err
	}
	var rows []Row
	for i, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		cells := strings.Split(line, "\t")
		if len(cells) != columns {
			return nil, fmt.Errorf("report: %s, line %d: %d columns, want %d", name, i+1, len(cells), columns)
		}
		if i == 0 {
			continue // the columns' names
		}
		rows = append(rows, Row{ID: cells[0], Source: cells[1], Force: cells[2], Asks: cells[3],
			Evidence: entries(cells[4]), Left: entries(cells[5])})
	}
	return rows, nil
}

func entries(cell string) []string {
	return slices.DeleteFunc(strings.Split(cell, separator), func(s string) bool { return s == "" })
}

// An answer is what a configuration does about one row.
type answer struct {
	status               Status
	does, evidence, left []string
}

func does(status Status, sentences ...string) answer {
	return answer{status: status, does: slices.DeleteFunc(sentences, func(s string) bool { return s == "" })}
}

// when is yes where it holds, else no.
func when[T any](holds bool, yes, no T) T {
	if holds {
		return yes
	}
	return no
}

// shown makes a foreign text safe to show.
func shown(text string) string { return disclose.Printable(text) }
