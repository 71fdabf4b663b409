// Package transport is where sockets are.
package transport

import "net"

var a, _ = net.ListenPacket("udp", "127.0.0.1:0")
