// A table.
//
//law:table
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
