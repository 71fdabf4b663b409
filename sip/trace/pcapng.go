package trace

import (
	"encoding/binary"
	"io"
)

// Pcapng writes messages as a capture file that Wireshark reads. Each is one
// UDP datagram in a bare IP packet, whatever it came over: what was inside TLS or
// a WebSocket can be read as well. What is too long for a datagram is cut.
func Pcapng(w io.Writer, messages []Message) error {
	out := block(nil, 0x0A0D0D0A, section)
	out = block(out, 1, network)
	for _, m := range messages {
		out = block(out, 6, packetBlock(m))
	}
	_, err := w.Write(out)
	return err
}

var order = binary.LittleEndian

var (
	section = order.AppendUint64(order.AppendUint32(order.AppendUint32(nil, 0x1A2B3C4D), 1), 1<<64-1) // version 1.0, of unknown length
	network = order.AppendUint32(order.AppendUint32(nil, 101), 0)                                     // raw IP, uncut, in microseconds
)

// block appends a block: its type, its length before and after, and the body
// filled up to four bytes.
func block(b []byte, kind uint32, body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	length := uint32(len(body) + 12)
	b = order.AppendUint32(order.AppendUint32(b, kind), length)
	return order.AppendUint32(append(b, body...), length)
}

func packetBlock(m Message) []byte {
	p := packet(m)
	at := uint64(m.At.UnixMicro())
	b := order.AppendUint32(nil, 0) // the interface
	b = order.AppendUint32(b, uint32(at>>32))
	b = order.AppendUint32(b, uint32(at))
	b = order.AppendUint32(b, uint32(len(p)))
	b = order.AppendUint32(b, uint32(len(p)))
	return append(b, p...)
}

const (
	udp     = 17
	longest = 65535 - 48 // of what a datagram carries, whatever the IP
)

// packet is an IP packet with a UDP datagram.
func packet(m Message) []byte {
	payload := m.Bytes[:min(len(m.Bytes), longest)]
	from, to := m.From.Addr().Unmap(), m.To.Addr().Unmap()
	length := uint16(8 + len(payload))
	var head, addresses []byte
	if from.Is4() && to.Is4() {
		addresses = append(from.AsSlice(), to.AsSlice()...)
		head = []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, udp, 0, 0}
		binary.BigEndian.PutUint16(head[2:], 20+length)
		binary.BigEndian.PutUint16(head[10:], checksum(append(append([]byte(nil), head...), addresses...)))
	} else {
		a, b := from.As16(), to.As16()
		addresses = append(a[:], b[:]...)
		head = []byte{0x60, 0, 0, 0, 0, 0, udp, 64}
		binary.BigEndian.PutUint16(head[4:], length)
	}
	datagram := binary.BigEndian.AppendUint16(nil, m.From.Port())
	datagram = binary.BigEndian.AppendUint16(datagram, m.To.Port())
	datagram = binary.BigEndian.AppendUint16(datagram, length)
	datagram = append(append(datagram, 0, 0), payload...)
	pseudo := append(append([]byte(nil), addresses...), 0, udp)
	pseudo = append(binary.BigEndian.AppendUint16(pseudo, length), datagram...)
	sum := checksum(pseudo)
	if sum == 0 { // that would say: not computed
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(datagram[6:], sum)
	return append(append(head, addresses...), datagram...)
}

// checksum is that of IP and UDP.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(b[i]) << 8
		if i+1 < len(b) {
			sum += uint32(b[i+1])
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
