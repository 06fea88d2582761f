package middleware

import "errors"

// sink is where the Writer sends marked bytes.
type sink struct{ w *response }

func (s sink) Write(p []byte) (int, error) {
	if !s.w.committed {
		s.w.commit(p)
	}
	return s.w.w.Write(p)
}

func (s sink) FlushError() error {
	if !s.w.committed {
		s.w.commit(nil)
	}
	if s.w.streaming && !s.w.flushed {
		s.w.flushed = true
		return s.w.flushAside()
	}
	return s.w.rc.Flush()
}

// errNotFlushed is the end of a flush that did not return.
var errNotFlushed = errors.New("middleware: the writer did not flush")

// flushAside flushes on a stack that ends with it: to format the header takes net/http
// 4 KiB, once, for which the stack of a stream would keep twice its size for good. A
// panic of the writer goes on where it would have.
func (w *response) flushAside() error {
	type end struct {
		err      error
		panicked any
	}
	ended := make(chan end)
	go func() {
		e := end{err: errNotFlushed}
		defer func() {
			e.panicked = recover()
			ended <- e
		}()
		e.err = w.rc.Flush()
	}()
	e := <-ended
	if e.panicked != nil {
		panic(e.panicked)
	}
	return e.err
}
