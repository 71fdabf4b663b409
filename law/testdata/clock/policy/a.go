// Package policy looks at the clock.
package policy

import (
	clock "time"
)

var (
	a = clock.Now()         // breaks clock
	b = clock.Since(a)      // breaks clock
	c = clock.NewTimer(b)   // breaks clock
	d = a.Add(clock.Second) // no clock
)
