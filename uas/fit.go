package uas

import (
	"bytes"
	"strings"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// amplification is how much larger an answer over UDP may be than the request, in
// percent, as long as nobody at the address has authenticated: else whoever
// writes somebody else's address on a request has us flood him (RFC 3261
// §26.3.2.4).
const amplification = 150

// toTag is about how many bytes the transaction layer's tag adds.
const toTag = len(";tag=") + 13

// fit adds header lines to a response, in their order: all of them, or else as
// many as its size allows, in their shortest form.
func (s *Server) fit(r *transaction.Request, resp *sip.Response, lines ...string) {
	limit, size := s.allowance(r), s.size(r, resp)
	if all := strings.Join(lines, ""); size+len(all) <= limit {
		resp.Header = append(resp.Header, all...)
		return
	}
	resp.Compact = true
	size = s.size(r, resp)
	for _, l := range lines {
		l = shortest.Replace(l)
		if size += len(l); size > limit {
			return
		}
		resp.Header = append(resp.Header, l...)
	}
}

// shortest writes the lines of ours so (RFC 3261 §7.3.3, RFC 6665 §8.2.2).
var shortest = strings.NewReplacer(", ", ",", "Supported:", "k:", "Allow-Events:", "u:")

// fitChallenge makes a challenge as small as it must be: by what means nothing,
// then by all but the one algorithm that everybody knows, which comes first.
func (s *Server) fitChallenge(r *transaction.Request, resp *sip.Response) {
	limit := s.allowance(r)
	if s.size(r, resp) <= limit {
		return
	}
	all := resp.Header
	resp.Compact, resp.Header = true, bytes.ReplaceAll(all, []byte("\", "), []byte("\","))
	if s.size(r, resp) <= limit {
		return
	}
	first, _, _ := bytes.Cut(all, []byte("\r\n"))
	resp.Compact, resp.Header = false, append(first, "\r\n"...)
	resp.Compact = s.size(r, resp) > limit
}

func (s *Server) size(r *transaction.Request, resp *sip.Response) int {
	return len(resp.Append(nil, &r.Message, r.Flow.Remote())) + toTag
}

// allowance is how large an answer may be, in bytes.
func (s *Server) allowance(r *transaction.Request) int {
	if r.Flow.Reliable() || !s.counts(r) || s.rates.knows(r.Flow.Remote().Addr()) {
		return 1 << 16
	}
	return len(r.Message.Bytes()) * amplification / 100
}
