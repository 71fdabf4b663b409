// Package sip knows the product.
package sip

import (
	_ "lamplight/body/pidf" // breaks imports
	_ "lamplight/sip/internal/token"
)
