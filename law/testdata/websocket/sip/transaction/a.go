// Package transaction has one, as it should, and the HTTP before it.
package transaction

import (
	_ "net/http"

	_ "github.com/coder/websocket"
)
