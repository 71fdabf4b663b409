// Package proxy is a stage.
package proxy

import (
	_ "lamplight/call" // breaks imports
	_ "lamplight/event"
	_ "lamplight/registrar" // breaks imports
	_ "lamplight/sip"
	_ "lamplight/sip/transaction"
)
