package pidf

import "strings"

// CanonicalURI is a URI as two that mean the same are written alike: its scheme and
// host in lower case.
func CanonicalURI(uri string) string {
	scheme, rest, ok := strings.Cut(strings.TrimSpace(uri), ":")
	if !ok {
		return uri
	}
	if scheme = strings.ToLower(scheme); scheme == "urn" {
		return scheme + ":" + strings.ToLower(rest) // that of a device is a UUID, a MAC or an IMEI
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = rest[:at] + strings.ToLower(rest[at:])
	}
	return scheme + ":" + rest
}
