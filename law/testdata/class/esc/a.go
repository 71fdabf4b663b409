// Package esc has one.
package esc
