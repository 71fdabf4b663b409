// Package esc is long.
package esc

// line

// line

// line

// line

// line

// line

// line

// line

// line

// line
