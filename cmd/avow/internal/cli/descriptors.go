package cli

import "log/slog"

const (
	// spareDescriptors are left for the ledger, the admin address, and connections
	// that wait for their next request.
	spareDescriptors = 256
	// eachAnswer is how many an answer of the proxy takes: one to its client and one
	// to the backend.
	eachAnswer = 2
	// fewestAnswers are let in whatever the limit is.
	fewestAnswers = 16
)

// mostAnswers is how many answers may be in progress at one time with so many file
// descriptors. Beyond it connections would fail in the midst of others' streams.
func mostAnswers(descriptors uint64) int64 {
	const enough = 1 << 40 // "unlimited" is the largest number
	descriptors = min(descriptors, enough)
	if descriptors < spareDescriptors+eachAnswer*fewestAnswers {
		return fewestAnswers
	}
	return int64(descriptors-spareDescriptors) / eachAnswer
}

// limitAnswers lets as many answers in as there are file descriptors for.
func limitAnswers(servers *serverSet, addr string, log *slog.Logger) {
	descriptors, ok := descriptorLimit()
	if !ok {
		return
	}
	most := mostAnswers(descriptors)
	servers.counters[addr].most.Store(most)
	log.Info("more answers at one time are refused with 503", "max_streams", most, "file_descriptors", descriptors)
}
