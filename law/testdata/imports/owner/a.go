// Package owner knows what it carries.
package owner

import _ "lamplight/event" // breaks imports
