package ua

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"lamplight/sip"
)

// answerOnce takes a connection, answers its first request by 200, and closes it.
func answerOnce(l net.Listener) error {
	c, err := l.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(c)
	var b []byte
	for {
		one, err := in.ReadByte()
		if err != nil {
			return err
		}
		b = append(b, one)
		if n, err := sip.Frame(b); err != nil {
			return err
		} else if n > 0 {
			break
		}
	}
	var m sip.Message
	if err := m.Parse(b); err != nil {
		return err
	}
	if via, err := m.TopVia(); err != nil || string(via.Transport) != "TCP" {
		return errors.New("Via without TCP")
	}
	_, err = c.Write((&sip.Response{Status: 200, ToTag: "t"}).Append(nil, &m, netip.AddrPort{}))
	return err
}

func TestAConnectionThatIsGoneIsMadeAgain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan error, 2)
	go func() {
		for range cap(served) {
			served <- answerOnce(l)
		}
	}()
	a, err := New(Options{User: "sip:alice@example.test", Server: l.Addr().String(), Transport: "tcp"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for i := range cap(served) {
		m, err := a.Do(ctx, sip.Request{Method: sip.OPTIONS})
		for deadline := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(deadline); {
			m, err = a.Do(ctx, sip.Request{Method: sip.OPTIONS}) // the end of the last connection was not seen yet
		}
		if err != nil || m.Status() != 200 {
			t.Fatalf("request %d: %v, %v", i, m, err)
		}
		if err := <-served; err != nil && !errors.Is(err, io.EOF) {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
}
