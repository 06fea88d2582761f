package middleware

import (
	"bufio"
	"io"
	"log"
)

var quiet = log.New(io.Discard, "", 0)

func bufioReader(r io.Reader) *bufio.Reader { return bufio.NewReader(r) }
