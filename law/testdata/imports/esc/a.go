// Package esc looks sideways.
package esc

import (
	_ "lamplight/event"
	_ "lamplight/notifier"  // breaks imports
	_ "lamplight/sip"       // breaks imports
	_ "lamplight/store/hot" // breaks imports
	_ "lamplight/uas"       // breaks imports
)
