// This package is not introduced by its name.
package policy
