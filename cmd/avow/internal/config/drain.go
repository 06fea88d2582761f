package config

import (
	"fmt"
	"time"
)

// Hard maxima of how long stopping may take.
const (
	maxDrainDelay = 5 * time.Minute
	maxDrain      = 24 * time.Hour
)

// checkDrain says what is wrong with how avow is to stop.
func (l Limits) checkDrain() (errs []error) {
	for _, c := range []struct {
		key         string
		value, most time.Duration
	}{{"drain_delay", time.Duration(l.DrainDelay), maxDrainDelay}, {"drain", time.Duration(l.Drain), maxDrain}} {
		if c.value < 0 || c.value > c.most {
			errs = append(errs, fmt.Errorf("limits.%s: %v is not possible; choose 0s to %v", c.key, c.value, c.most))
		}
	}
	return errs
}
