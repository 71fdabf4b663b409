// Package presence knows another.
package presence

import (
	_ "lamplight/body/pidf"
	_ "lamplight/event"
	_ "lamplight/owner" // breaks imports
)
