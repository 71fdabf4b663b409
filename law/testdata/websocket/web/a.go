// Package web has a WebSocket of its own.
package web

import _ "github.com/coder/websocket" // breaks websocket
