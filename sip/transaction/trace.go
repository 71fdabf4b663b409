package transaction

// Trace sees each message that is received or sent, retransmissions too, and
// what cannot be read. It is called on the way, so it must be quick, and must not
// keep the bytes.
type Trace func(f Flow, sent bool, b []byte)

func (l *Layer) trace(f Flow, sent bool, b []byte) {
	if l.o.Trace != nil {
		l.o.Trace(f, sent, b)
	}
}
