package ua_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"lamplight/sip/ua"
)

// freePort is a UDP port that nobody has.
func freePort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// sipp is SIPp with one of its own scenarios; what it returns waits for its end.
func sipp(t *testing.T, ctx context.Context, port int, args ...string) (wait func()) {
	t.Helper()
	errors, messages := filepath.Join(t.TempDir(), "errors"), filepath.Join(t.TempDir(), "messages")
	args = append([]string{"-i", "127.0.0.1", "-p", fmt.Sprint(port), "-nostdin", "-timeout", "40s", "-timeout_error", "-trace_err", "-error_file", errors,
		"-trace_msg", "-message_file", messages}, args...)
	c := exec.CommandContext(ctx, "sipp", args...)
	must(t, c.Start())
	return func() {
		t.Helper()
		if err := c.Wait(); err != nil {
			why, _ := os.ReadFile(errors)
			seen, _ := os.ReadFile(messages)
			t.Errorf("sipp: %v\n%s\n%s", err, why, seen)
		}
	}
}

// SIPp, a stack that is not ours, is called, and calls.
func TestCallsWithSIPp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
	defer cancel()
	port := freePort(t)
	ended := make(chan *ua.Call, 8)
	a, err := ua.New(ua.Options{User: "sip:alice@example.test", Server: fmt.Sprintf("127.0.0.1:%d", port), OnCall: func(c *ua.Call) {
		if c.Ring() != nil || c.Answer(ua.SDP("sendrecv")) != nil {
			t.Error("the call was not answered")
		}
		ended <- c
	}})
	must(t, err)
	defer a.Close()

	wait := sipp(t, ctx, port, "-sn", "uas", "-m", "2")
	for range 2 {
		c, err := a.Invite("sip:service@127.0.0.1", ua.InviteOptions{Body: ua.SDP("sendrecv")})
		must(t, err)
		must(t, c.Wait(ctx, ua.Confirmed))
		must(t, c.Hangup(ctx))
	}
	wait()

	wait = sipp(t, ctx, port, "-sn", "uac", "-m", "3", "-r", "10", "-d", "50", a.Local().String())
	for range 3 {
		select {
		case c := <-ended:
			must(t, c.Wait(ctx, ua.Ended))
			expect(t, "the end is the other side's", c.Ending().Remote, true)
		case <-ctx.Done():
			t.Fatal("SIPp does not call")
		}
	}
	wait()
}
