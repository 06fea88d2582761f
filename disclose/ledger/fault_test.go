package ledger

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// System calls that fail while records are written. Nothing that was acknowledged
// is lost or there twice, the chain goes on, and the process needs no restart.
func TestFailingSystemCalls(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil || testing.Short() {
		t.Skip("failing system calls were skipped: there is no strace, or the run is a short one")
	}
	const records = 300
	for _, fault := range []string{
		"fsync:error=EIO:when=4+5", "fsync:error=ENOSPC:when=3+9", "pwrite64:error=EIO:when=50+97", "pwrite64:error=ENOSPC:when=30+61",
		"pread64:error=EIO:when=40+53", "ftruncate:error=EIO:when=3+5",
	} {
		t.Run(fault, func(t *testing.T) {
			p := sqlitePlace(t)
			mustClose(t, p.open()) // what fails is the writing, not the first opening
			call, _, _ := strings.Cut(fault, ":")
			cmd := exec.Command(strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace="+call, "-e", "inject="+fault, os.Args[0])
			cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s\n0\n%d", crashVariable, p.o.File, records))
			var errOut bytes.Buffer
			cmd.Stderr = &errOut
			out, err := cmd.Output()
			if err != nil && strings.Contains(errOut.String(), "ptrace") {
				t.Skipf("failing system calls were skipped: strace may not trace here: %s", errOut.String())
			}
			acknowledged := map[int]bool{}
			for line := range strings.Lines(string(out)) {
				if i, err := strconv.Atoi(strings.TrimSpace(line)); err == nil {
					acknowledged[i] = true
				}
			}
			if err != nil || len(acknowledged) != records {
				t.Fatalf("%d acknowledged, want %d: %v\n%s", len(acknowledged), records, err, errOut.String())
			}
			l := p.open()
			missing(t, l, acknowledged)
			for _, problem := range mustVerify(t, l).Problems {
				if !strings.Contains(problem.What, "not known") { // the other process has drawn a key of its own
					t.Fatal(problem)
				}
			}
		})
	}
}
