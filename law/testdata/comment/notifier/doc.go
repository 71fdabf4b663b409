// Package notifier is introduced in another file.
package notifier
