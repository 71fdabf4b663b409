// Package uas looks a name up by itself.
package uas

import _ "github.com/miekg/dns" // breaks dns
