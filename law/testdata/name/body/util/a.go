// Package util is for what found no place.
package util
