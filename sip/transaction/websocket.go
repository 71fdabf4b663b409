package transaction

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"lamplight/sip"
)

// maxUpgrade is the largest HTTP request that asks for a WebSocket, in bytes.
const maxUpgrade = 8 << 10

// subprotocol is what is spoken over the WebSocket (RFC 7118 §4.1), and the paths
// are where ours is found.
const subprotocol = "sip"

var paths = []string{"/", "/sip"}

// webSocket is the framing of WebSockets: each of their messages is a SIP message
// (RFC 7118 §5).
type webSocket struct{ *websocket.Conn }

func (l *Layer) webSocket(c *websocket.Conn) webSocket {
	c.SetReadLimit(int64(l.o.Limits.Head + l.o.Limits.Body))
	return webSocket{c}
}

// send writes text where it is text: what is not UTF-8 goes as binary (RFC 7118
// §4.2).
func (w webSocket) send(conn net.Conn, b []byte, ends []int) error {
	defer func() { _ = conn.SetWriteDeadline(time.Time{}) }() // that of a pong would be over
	begin := 0
	for _, end := range ends {
		m, kind := b[begin:end], websocket.MessageText
		if begin = end; !utf8.Valid(m) {
			kind = websocket.MessageBinary
		}
		_ = conn.SetWriteDeadline(time.Now().Add(writeTime))
		if err := w.Write(context.Background(), kind, m); err != nil {
			return err
		}
	}
	return nil
}

func (w webSocket) receive(s *stream) {
	defer func() { _ = w.CloseNow() }()
	if !s.made {
		w.pingLater(s)
	}
	var b bytes.Buffer
	for {
		_, r, err := w.Reader(context.Background())
		if err != nil {
			return
		}
		s.begun = time.Now()
		if _, err = b.ReadFrom(r); err != nil {
			if errors.Is(err, websocket.ErrMessageTooBig) {
				s.layer.Malformed.Add(1)
				s.layer.Reached(sip.LimitMessage)
				s.linger()
			}
			return
		}
		s.begun = time.Time{}
		s.whole(b.Bytes())
		if b.Reset(); b.Cap() > readBuffer {
			b = bytes.Buffer{}
		}
	}
}

// errTwo refuses what RFC 7118 §5 forbids: some would read one message and some
// two.
var errTwo = &sip.SyntaxError{Reason: "More Than One Message", Status: 400}

// whole hands on what came as one message. A keep-alive is answered (RFC 7118
// §6); it keeps no connection.
func (s *stream) whole(b []byte) {
	if bytes.Equal(b, ping) {
		_ = s.write(crlf, s.remote)
	}
	if b = bytes.TrimLeft(b, "\r\n"); len(b) == 0 {
		return
	}
	s.heard()
	if n, err := s.layer.o.Limits.Frame(b); err == nil && n > 0 && len(bytes.Trim(b[n:], "\r\n")) > 0 {
		s.refuse(b[:n], errTwo)
		return
	}
	s.layer.message(Flow{s, s.remote}, b)
}

// pingLater pings after a time: what is between a browser and us closes what is
// silent, and a browser cannot ping (RFC 7118 §6).
func (w webSocket) pingLater(s *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.pinger = time.AfterFunc(s.layer.streams.o.Ping, func() { w.ping(s) })
	}
}

func (w webSocket) ping(s *stream) {
	ctx, cancel := context.WithTimeout(s.layer.streams.dials, s.layer.streams.o.Pong)
	defer cancel()
	if w.Ping(ctx) != nil {
		s.close()
		return
	}
	w.pingLater(s)
}

// upgrade reads the HTTP request that makes a WebSocket of the connection, and
// tells whether there was one.
func (s *stream) upgrade() bool {
	made := make(chan bool, 2) // by the handler, and by the connection's end
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	left := max(time.Until(s.silent), time.Millisecond)
	server := http.Server{
		ReadTimeout: left, WriteTimeout: left, MaxHeaderBytes: maxUpgrade, Protocols: protocols, ErrorLog: silence,
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				made <- false
			}
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !slices.Contains(paths, r.URL.Path) {
				http.NotFound(w, r)
			} else if _, framing, ok := s.accept(w, r); ok {
				s.framing = framing
				made <- true
			}
		}),
	}
	server.SetKeepAlivesEnabled(false)
	_ = server.Serve(&only{conn: s.conn})
	return <-made
}

// silence is the log of what anybody can cause.
var silence = log.New(io.Discard, "", 0)

// only is a listener of one connection.
type only struct{ conn net.Conn }

func (o *only) Accept() (net.Conn, error) {
	if o.conn == nil {
		return nil, io.EOF
	}
	conn := o.conn
	o.conn = nil
	return conn, nil
}

func (o *only) Close() error   { return nil }
func (o *only) Addr() net.Addr { return &net.TCPAddr{} }

// WebSocket answers the HTTP requests that ask for a WebSocket (RFC 7118 §4.1):
// it is for servers of HTTP/1.1 that have more to serve than this. Their path, and
// how long a request may take, is theirs to say.
func (l *Layer) WebSocket() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := end{transport: "WS"}
		if r.TLS != nil {
			to.transport = "WSS"
		}
		to.remote = addrPort(remoteAddr(r.RemoteAddr))
		s := l.newStream(nil, nil, to)
		if !l.streams.add(s) {
			l.Refused.Add(1)
			l.Reached(LimitConnections)
			http.Error(w, "too many connections", http.StatusServiceUnavailable)
			return
		}
		if conn, framing, ok := s.accept(w, r); !ok || !s.begin(conn, framing) {
			s.close()
		}
	})
}

// remoteAddr is the address of an HTTP request.
type remoteAddr string

func (remoteAddr) Network() string  { return "tcp" }
func (a remoteAddr) String() string { return string(a) }

// accept answers a request for a WebSocket.
func (s *stream) accept(w http.ResponseWriter, r *http.Request) (net.Conn, framing, bool) {
	asks := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	switch {
	case !s.layer.trusts(r):
		s.layer.log.Info("a WebSocket was refused", "remote", s.remote, "origin", r.Header.Get("Origin"), "host", r.Host)
		http.Error(w, "this Origin may not connect", http.StatusForbidden)
		return nil, nil, false
	case asks && !speaks(r):
		http.Error(w, "Sec-WebSocket-Protocol: "+subprotocol+" is needed", http.StatusBadRequest)
		return nil, nil, false
	}
	t := &taking{ResponseWriter: w, stream: s}
	c, err := websocket.Accept(t, r, &websocket.AcceptOptions{Subprotocols: []string{subprotocol}, InsecureSkipVerify: true}) // trusts verified it
	if err != nil {
		return nil, nil, false
	}
	return t.conn, s.layer.webSocket(c), true
}

// trusts tells whether the page that asks may connect. A program names none, and
// whoever asks proves by digest who it is: cookies count for nothing.
func (l *Layer) trusts(r *http.Request) bool {
	origins := r.Header["Origin"]
	switch {
	case len(origins) == 0:
		return true
	case len(origins) > 1:
		return false
	case len(l.streams.o.Origins) > 0:
		return slices.Contains(l.streams.o.Origins, origins[0])
	}
	u, err := url.Parse(origins[0])
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// speaks tells whether the request offers our subprotocol.
func speaks(r *http.Request) bool {
	for _, line := range r.Header["Sec-Websocket-Protocol"] {
		for offered := range strings.SplitSeq(line, ",") {
			if strings.TrimSpace(offered) == subprotocol {
				return true
			}
		}
	}
	return false
}

// taking is an HTTP response that gives its connection away, to be read with the
// stream's patience.
type taking struct {
	http.ResponseWriter
	stream *stream
	conn   net.Conn
}

func (t *taking) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(t.ResponseWriter).Hijack()
	t.conn = conn
	return patient{conn, t.stream}, rw, err
}

type patient struct {
	net.Conn
	stream *stream
}

func (p patient) Read(b []byte) (int, error) { return p.stream.Read(b) }

// dialWebSocket makes a WebSocket of a connection of ours.
func (l *Layer) dialWebSocket(ctx context.Context, conn net.Conn, to end) (net.Conn, framing, error) {
	host := net.JoinHostPort(to.name, strconv.Itoa(int(to.remote.Port())))
	way := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
	c, _, err := websocket.Dial(ctx, "ws://"+host+paths[len(paths)-1], &websocket.DialOptions{
		HTTPClient:   &http.Client{Transport: way, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		Subprotocols: []string{subprotocol}})
	switch {
	case err != nil:
		return nil, nil, errors.Join(err, conn.Close())
	case c.Subprotocol() != subprotocol:
		return nil, nil, errors.Join(errors.New("the server speaks no SIP over WebSocket"), conn.Close())
	}
	return conn, l.webSocket(c), nil
}
