// Package resolve asks name servers.
package resolve

import _ "github.com/miekg/dns"
