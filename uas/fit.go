package uas

import (
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

// fit adds header lines to a response, in their order: all of them, or else
// those that its size allows. What is too large without any has its names in
// the compact form.
func (s *Server) fit(r *transaction.Request, resp *sip.Response, lines ...string) {
	limit, size := s.allowance(r), s.size(r, resp)
	resp.Compact = size > limit
	if all := strings.Join(lines, ""); size+len(all) > limit {
		for i, l := range lines {
			lines[i] = strings.ReplaceAll(l, ", ", ",")
		}
	}
	for _, l := range lines {
		if size+len(l) <= limit {
			resp.Header = append(resp.Header, l...)
			size += len(l)
		}
	}
}

// fitChallenge makes a challenge as small as it must be: without what means
// nothing, then with the one algorithm alone that everybody knows, which comes
// first.
func (s *Server) fitChallenge(r *transaction.Request, resp *sip.Response) {
	limit := s.allowance(r)
	both := string(resp.Header)
	one, _, _ := strings.Cut(both, "\r\n")
	for _, lines := range []string{both, meaningless.Replace(both), one, meaningless.Replace(one)} {
		resp.Header = []byte(lines)
		if s.size(r, resp) <= limit {
			return
		}
	}
	resp.Compact = true
}

// meaningless is what a challenge need not say: no algorithm means MD5 (RFC 7616
// §3.3).
var meaningless = strings.NewReplacer(`", `, `",`, "algorithm=MD5, ", "")

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
