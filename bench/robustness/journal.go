package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"
)

// A result is one measurement, and one line of the journal.
type result struct {
	Picture  string  `json:"picture"`
	Strength float64 `json:"strength,omitempty"`
	Attack   string  `json:"attack"` // or "" for the marking itself
	Outcome  outcome `json:"outcome,omitempty"`
	Score    float64 `json:"score,omitempty"`
	Millis   float64 `json:"ms"`
	Mega     float64 `json:"mp"`

	PSNR        float64 `json:"psnr,omitempty"`
	SSIM        float64 `json:"ssim,omitempty"`
	Calm        float64 `json:"calm,omitempty"`
	Butteraugli float64 `json:"butteraugli,omitempty"`
	Norm3       float64 `json:"norm3,omitempty"`
	Ssimulacra  float64 `json:"ssimulacra,omitempty"`

	Rho   float64 `json:"rho,omitempty"`   // unmarked: the best word with a CRC
	Place int     `json:"place,omitempty"` // unmarked: the number of the piece
}

// An outcome is what became of one payload.
type outcome string

const (
	exact   outcome = "exact"
	present outcome = "present"
	absent  outcome = "absent"
	wrong   outcome = "wrong"
)

type identity struct {
	picture, attack string
	strength        float64
	place           int
}

func (r result) identity() identity { return identity{r.Picture, r.Attack, r.Strength, r.Place} }

// A journal holds all results; with a file, it outlives the run.
type journal struct {
	sync.Mutex
	file *os.File
	all  map[identity]result
}

func openJournal(name string) (*journal, error) {
	j := &journal{all: map[identity]result{}}
	if name == "" {
		return j, nil
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	j.file = f
	lines := bufio.NewScanner(f)
	good := int64(0)
	for lines.Scan() {
		var r result
		if json.Unmarshal(lines.Bytes(), &r) != nil {
			break // the run was stopped in the middle of a line
		}
		good += int64(len(lines.Bytes())) + 1
		j.all[r.identity()] = r
	}
	if err := f.Truncate(good); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if _, err := f.Seek(good, 0); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return j, nil
}

func (j *journal) add(r result) error {
	j.Lock()
	defer j.Unlock()
	j.all[r.identity()] = r
	if j.file == nil {
		return nil
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = j.file.Write(append(line, '\n'))
	return err
}

func (j *journal) get(id identity) (result, bool) {
	j.Lock()
	defer j.Unlock()
	r, ok := j.all[id]
	return r, ok
}

func (j *journal) close() {
	if j.file != nil {
		j.file.Close()
	}
}
