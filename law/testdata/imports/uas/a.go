// Package uas connects edges.
package uas

import (
	_ "lamplight/app" // breaks imports
	_ "lamplight/directory"
	_ "lamplight/esc"
	_ "lamplight/sip/transaction"
	_ "lamplight/store/cold" // breaks imports
)
