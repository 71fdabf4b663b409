// Package interop is tests only: phones, messengers and servers of other makers,
// as Debian and, those of browsers, npm have them, use the program as its users
// run it (RFC 3261, RFC 3903, RFC 6665, RFC 7118). It leaves out voice; `make
// tools` installs who takes part.
package interop
