// Package somewhere has no place.
package somewhere
