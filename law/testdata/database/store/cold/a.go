// Package cold is a store.
package cold

import _ "modernc.org/sqlite"
