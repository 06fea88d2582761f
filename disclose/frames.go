package disclose

import "bytes"

// sseFrame cuts a text/event-stream into events (WHATWG HTML, section "Parsing
// an event stream"): lines end with LF, CRLF or CR, and an empty line ends an
// event. An empty line on its own is a frame without a payload.
var sseFrame = framer{next: nextEvent, payload: eventData}

// arrayFrame cuts a JSON array that grows, as a streamed answer of the Gemini
// API without alt=sse, into its elements, each with what stands before it.
var arrayFrame = framer{next: nextElement, payload: elementData}

// lineFrame cuts NDJSON into lines.
var lineFrame = framer{next: nextLine, payload: lineData}

func nextEvent(st *scan, buf []byte) int {
	for st.pos < len(buf) {
		i := lineBreak(buf[st.pos:])
		if i < 0 {
			st.pos = len(buf)
			return 0
		}
		end := st.pos + i
		empty := end == st.line
		next := end + 1
		if buf[end] == '\r' && next == len(buf) && !empty {
			st.pos = end // a line feed may follow
			return 0
		}
		if buf[end] == '\r' && next < len(buf) && buf[next] == '\n' {
			next++
		}
		st.pos, st.line = next, next
		if empty {
			return next
		}
	}
	return 0
}

// lineBreak is where the first CR or LF stands, or -1. Two searches for one byte
// are several times faster than one for either. They look at more and more
// bytes at a time, so that neither runs far beyond where the other would stop.
func lineBreak(b []byte) int {
	for from, n := 0, 256; from < len(b); from, n = from+n, 2*n {
		part := b[from:min(from+n, len(b))]
		lf := bytes.IndexByte(part, '\n')
		if lf >= 0 {
			part = part[:lf]
		}
		if cr := bytes.IndexByte(part, '\r'); cr >= 0 {
			return from + cr
		}
		if lf >= 0 {
			return from + lf
		}
	}
	return -1
}

// eventData returns the data of an event. A single data line is not copied.
func eventData(event []byte) (data []byte, at []segment) {
	pos := 0
	if bytes.HasPrefix(event, []byte("\ufeff")) {
		pos = 3
	}
	for lines := 0; pos < len(event); {
		end, next := lineEnd(event, pos)
		if from, ok := dataValue(event, pos, end); ok {
			switch lines++; lines {
			case 1:
				data, at = event[from:end], []segment{{0, from}}
			case 2:
				data = append(append(bytes.Clone(data), '\n'), event[from:end]...)
				at = append(at, segment{len(data) - (end - from), from})
			default:
				data = append(append(data, '\n'), event[from:end]...)
				at = append(at, segment{len(data) - (end - from), from})
			}
		}
		pos = next
	}
	return data, at
}

// dataValue returns where the value of a "data" line starts.
func dataValue(event []byte, pos, end int) (from int, ok bool) {
	if !bytes.HasPrefix(event[pos:end], []byte("data:")) {
		return 0, false
	}
	from = pos + len("data:")
	if from < end && event[from] == ' ' {
		from++
	}
	return from, true
}

// lineEnd returns where the line at pos ends and where the next one starts.
func lineEnd(b []byte, pos int) (end, next int) {
	i := lineBreak(b[pos:])
	if i < 0 {
		return len(b), len(b)
	}
	end, next = pos+i, pos+i+1
	if b[end] == '\r' && next < len(b) && b[next] == '\n' {
		next++
	}
	return end, next
}

func nextLine(st *scan, buf []byte) int {
	i := bytes.IndexByte(buf[st.pos:], '\n')
	if i < 0 {
		st.pos = len(buf)
		return 0
	}
	return st.pos + i + 1
}

func lineData(line []byte) ([]byte, []segment) {
	start := 0
	if bytes.HasPrefix(line, []byte("\ufeff")) {
		start = 3
	}
	data := bytes.TrimRight(line[start:], "\r\n")
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, nil
	}
	return data, []segment{{0, start}}
}

// nextElement ends a frame where an element of the outer array, or a single
// object, ends. Strings and nesting are followed; that the rest is JSON is for
// the reader of the element to say.
func nextElement(st *scan, buf []byte) int {
	for st.pos < len(buf) {
		if st.quoted {
			if !st.skipString(buf) {
				return 0
			}
			continue
		}
		c := buf[st.pos]
		st.pos++
		switch c {
		case '"':
			st.quoted = true
		case '{':
			st.depth++
		case '}':
			if st.depth--; st.depth <= 0 {
				return st.pos
			}
		}
	}
	return 0
}

// skipString goes on to the end of the string it is in, and reports whether it
// is there.
func (st *scan) skipString(buf []byte) bool {
	for st.pos < len(buf) {
		i := bytes.IndexAny(buf[st.pos:], `"\\`)
		switch {
		case i < 0:
			st.pos = len(buf)
			return false
		case buf[st.pos+i] == '"':
			st.pos, st.quoted = st.pos+i+1, false
			return true
		case st.pos+i+1 == len(buf):
			st.pos += i // what is escaped has not come yet
			return false
		}
		st.pos += i + 2
	}
	return false
}

// elementData is the element behind the bracket or comma that leads to it.
func elementData(frame []byte) ([]byte, []segment) {
	i := bytes.IndexByte(frame, '{')
	if i < 0 {
		return nil, nil
	}
	return frame[i:], []segment{{0, i}}
}
