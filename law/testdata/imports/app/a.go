// Package app connects all.
package app

import (
	_ "lamplight/store/hot"
	_ "lamplight/uas"
)
