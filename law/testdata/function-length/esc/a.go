// Package esc has a long function.
package esc

func long() { // breaks function-length
	_ = 1
	_ = 2
	_ = 3
	_ = 4
}
