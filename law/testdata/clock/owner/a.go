// Package owner reads the clock for all.
package owner

import "time"

var a = time.Now()
