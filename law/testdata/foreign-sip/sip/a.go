// Package sip leans on another stack.
package sip

import _ "github.com/emiago/sipgo/sip" // breaks foreign-sip
