// Package callcontrol is a user agent, and connects no other edges.
package callcontrol

import (
	_ "lamplight/esc"
	_ "lamplight/sip/ua"
	_ "lamplight/uas" // breaks imports
)
