// Package web speaks HTTP, as it should.
package web

import _ "net/http"
