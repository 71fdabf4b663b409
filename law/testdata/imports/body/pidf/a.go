// Package pidf knows who wants it.
package pidf

import (
	_ "lamplight/body/internal/xmltree"
	_ "lamplight/event" // breaks imports
)
