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
