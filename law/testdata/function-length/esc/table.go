package esc

// table is a table.
//
//law:table
func table() {
	_ = 1
	_ = 2
	_ = 3
	_ = 4
}
