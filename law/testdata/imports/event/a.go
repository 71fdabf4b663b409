// Package event depends on one of its packages.
package event

import _ "lamplight/body/pidf" // breaks imports
