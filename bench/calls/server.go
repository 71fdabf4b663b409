package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const domain = "bench.test"

// server is a running process.
type server struct {
	name string
	addr netip.AddrPort
	dir  string
	cmd  *exec.Cmd
	done chan struct{}
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// stop ends it, and removes what it wrote.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
	_ = os.RemoveAll(s.dir)
}

// newServer has a directory and an address of its own.
func newServer(name string) (*server, error) {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	return &server{name: name, addr: addr, dir: dir, done: make(chan struct{})}, err
}

func freeAddr() (netip.AddrPort, error) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer c.Close()
	return netip.ParseAddrPort(c.LocalAddr().String())
}

func (s *server) log() string { return filepath.Join(s.dir, "log") }

// start starts the process and waits until it is ready.
func (s *server) start(ready func() bool, program string, args ...string) error {
	log, err := os.Create(s.log())
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = exec.Command(program, args...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.done)
	}()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		select {
		case <-s.done:
			b, _ := os.ReadFile(s.log())
			return fmt.Errorf("%s ended: %s", s.name, b)
		case <-time.After(50 * time.Millisecond):
		}
		if ready() {
			return nil
		}
	}
	s.stop()
	return fmt.Errorf("%s is not ready after 20 s", s.name)
}

// startKamailio starts it with the allocator and the number of workers that were
// the fastest on two processors.
func startKamailio(o *settings) (*server, error) {
	s, err := newServer("Kamailio")
	if err != nil {
		return nil, err
	}
	db := filepath.Join(s.dir, "db")
	if err := os.CopyFS(db, os.DirFS(o.tables)); err != nil {
		return nil, err
	}
	return s, s.start(s.answers, o.kamailio, "-f", o.config, "-DD", "-E", "-m", "1024", "-M", "16", "-x", "fm", "-X", "fm", "-n", "2",
		"-w", s.dir, "-Y", s.dir, "-l", "udp:"+s.addr.String(),
		"-A", fmt.Sprintf("SERVER=%q", "sip:"+s.addr.String()), "-A", fmt.Sprintf("DB=%q", "text://"+db))
}

// answers asks whether the server answers SIP.
func (s *server) answers() bool {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.addr))
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	at := c.LocalAddr().String()
	fmt.Fprintf(c, "OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKready%d\r\nMax-Forwards: 1\r\nFrom: <sip:ready@%s>;tag=1\r\n"+
		"To: <sip:%s>\r\nCall-ID: ready%s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", s.addr, at, time.Now().UnixNano(), domain, s.addr, at)
	n, err := c.Read(make([]byte, 2048))
	return err == nil && n > 0
}

func startInMemory(o *settings) (*server, error) {
	return startLamplight(o, "Lamplight, memory", false)
}

func startDurable(o *settings) (*server, error) { return startLamplight(o, "Lamplight, durable", true) }

func startLamplight(o *settings, name string, durable bool) (*server, error) {
	s, err := newServer(name)
	if err != nil {
		return nil, err
	}
	args := []string{"serve", "--domain", domain, "--listen", "udp:" + s.addr.String(), "--insecure-no-auth", "--limits", "off",
		"--notify-rate", "off", "--log-level", "error"}
	place := []string{"--data", filepath.Join(s.dir, "data")}
	if !durable {
		admin, err := freeAddr()
		if err != nil {
			return nil, err
		}
		args = append(args, "--data", "memory")
		place = []string{"--admin", admin.String()}
	}
	if err := s.start(s.saysReady, o.lamplight, append(args, place...)...); err != nil {
		return nil, err
	}
	if err := o.addUsers(place); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *server) saysReady() bool {
	b, err := os.ReadFile(s.log())
	return err == nil && bytes.Contains(b, []byte("ready "))
}

// addUsers makes the phones' users, as somebody would who moves to Lamplight.
func (o *settings) addUsers(place []string) error {
	var list strings.Builder
	calls := o.calls()
	for _, name := range calls.Names() {
		fmt.Fprintf(&list, "%s@%s\tunused\n", name, domain)
	}
	cmd := exec.Command(o.lamplight, append([]string{"user", "add", "--stdin"}, place...)...)
	cmd.Stdin = strings.NewReader(list.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	return nil
}
