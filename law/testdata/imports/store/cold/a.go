// Package cold implements what directory declares.
package cold

import (
	_ "lamplight/directory"
	_ "lamplight/store/hot" // breaks imports
)
