// Package esc has tests.
package esc
