// Package call follows the calls that pass this server, as dialogs in the sense of
// RFC 4235 §3.7.1: it is told what was seen of each and makes of it an input for
// either party's address-of-record, so that lamps and presence show the call,
// and what is left of it when it is over. It takes no message, answers none and
// sends none, and knows nothing of what the parties say to each other.
package call
