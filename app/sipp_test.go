package app_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/config"
)

// onLoopback is a whole server on real sockets, and its address.
func onLoopback(t *testing.T) string {
	t.Helper()
	s, err := app.New(app.Options{People: staff{}, Serve: config.Serve{Data: "memory", Domain: []string{"example.test"},
		Listen: []string{"udp:127.0.0.1:0"}, Outbound: []string{"127.0.0.0/8"}, Role: []string{"registrar", "presence"}, Limits: "on", NotifyRate: "on"}})
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s.Addrs()[0].String()
}

// freePort is a UDP port that nobody has.
func freePort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// SIPp, a stack that is not ours, plays each scenario of testdata/sipp once.
// `make tools` installs it.
func TestSIPp(t *testing.T) {
	files, err := filepath.Glob("testdata/sipp/*.xml")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	server := onLoopback(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".xml"), func(t *testing.T) { sipp(t, server, file) })
	}
}

func sipp(t *testing.T, server, file string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	errors, messages := filepath.Join(t.TempDir(), "errors"), filepath.Join(t.TempDir(), "messages")
	c := exec.CommandContext(ctx, "sipp", "-sf", file, "-m", "1", "-i", "127.0.0.1", "-p", fmt.Sprint(freePort(t)), "-nostdin",
		"-timeout", "30s", "-timeout_error", "-trace_err", "-error_file", errors, "-trace_msg", "-message_file", messages, server)
	if err := c.Run(); err != nil {
		why, _ := os.ReadFile(errors)
		seen, _ := os.ReadFile(messages)
		t.Errorf("sipp: %v\n%s\n%s", err, why, seen)
	}
}
