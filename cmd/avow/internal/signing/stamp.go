package signing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/avowai/avow/disclose/c2pa/timestamp"
)

// Stamper asks the time stamping authority at address (RFC 3161, section 3.4).
// It follows no redirects.
func Stamper(address string) func(ctx context.Context, imprint []byte) ([]byte, error) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return func(ctx context.Context, imprint []byte) ([]byte, error) {
		query, err := timestamp.BuildRequest(imprint)
		if err != nil {
			return nil, err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(query))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/timestamp-query")
		resp, err := client.Do(req)
		if err != nil {
			return nil, withoutAddress(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("the time stamping authority answered %s", resp.Status)
		}
		answer, err := io.ReadAll(io.LimitReader(resp.Body, timestamp.MaxResponse+1))
		if err != nil {
			return nil, err
		}
		return timestamp.ParseResponse(answer, imprint)
	}
}

// withoutAddress takes the address out of a client's error: a token may be in it.
func withoutAddress(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return fmt.Errorf("the time stamping authority: %w", at.Err)
	}
	return err
}
