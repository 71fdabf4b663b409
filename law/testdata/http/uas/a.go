// Package uas speaks HTTP.
package uas

import (
	_ "net/http"       // breaks http
	_ "net/http/pprof" // breaks http
	_ "net/netip"
)
