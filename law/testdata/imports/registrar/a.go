// Package registrar may know SIP but not its transactions.
package registrar

import (
	_ "lamplight/sip"
	_ "lamplight/sip/transaction" // breaks imports
)
