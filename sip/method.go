package sip

// Method is a request's method; methods are case-sensitive (RFC 3261 §7.1).
type Method string

// The methods known.
const (
	ACK       Method = "ACK"
	BYE       Method = "BYE"
	CANCEL    Method = "CANCEL"
	INFO      Method = "INFO"
	INVITE    Method = "INVITE"
	MESSAGE   Method = "MESSAGE"
	NOTIFY    Method = "NOTIFY"
	OPTIONS   Method = "OPTIONS"
	PRACK     Method = "PRACK"
	PUBLISH   Method = "PUBLISH"
	REFER     Method = "REFER"
	REGISTER  Method = "REGISTER"
	SUBSCRIBE Method = "SUBSCRIBE"
	UPDATE    Method = "UPDATE"
)

// methodOf makes a method of received bytes; it allocates for unknown ones only.
func methodOf(b []byte) Method {
	switch Method(b) {
	case ACK:
		return ACK
	case BYE:
		return BYE
	case CANCEL:
		return CANCEL
	case INFO:
		return INFO
	case INVITE:
		return INVITE
	case MESSAGE:
		return MESSAGE
	case NOTIFY:
		return NOTIFY
	case OPTIONS:
		return OPTIONS
	case PRACK:
		return PRACK
	case PUBLISH:
		return PUBLISH
	case REFER:
		return REFER
	case REGISTER:
		return REGISTER
	case SUBSCRIBE:
		return SUBSCRIBE
	case UPDATE:
		return UPDATE
	}
	return Method(b)
}
