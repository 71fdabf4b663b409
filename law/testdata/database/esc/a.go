// Package esc reads a database.
package esc

import (
	_ "database/sql"                     // breaks database
	_ "github.com/cockroachdb/pebble/v2" // breaks database
	_ "modernc.org/sqlite"               // breaks database
)
