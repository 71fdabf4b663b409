// Package notifier opens a socket.
package notifier

import (
	"crypto/tls"
	"net"
)

var (
	a, _ = net.Dial("udp", "127.0.0.1:5060")           // breaks sockets
	b, _ = net.ListenPacket("udp", "127.0.0.1:0")      // breaks sockets
	c, _ = tls.Dial("tcp", "127.0.0.1:5061", nil)      // breaks sockets
	d, _ = net.LookupHost("example.test")              // breaks sockets
	e    = net.Dialer{}                                // breaks sockets
	f, _ = net.SplitHostPort(net.JoinHostPort("", "")) // no socket
)
