// Package sip needs a C compiler.
package sip

import "C" // breaks cgo
