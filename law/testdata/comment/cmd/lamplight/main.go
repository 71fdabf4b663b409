// Command lamplight is introduced.
package main
