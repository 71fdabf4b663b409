package xcapdiff

import "testing"

func TestTheDocumentIsPrinted(t *testing.T) {
	d := Diff{Root: "https://example.test/xcap-root/", Documents: []Document{
		{Sel: "pres-rules/users/sip:alice@example.test/index", NewETag: "1"},
		{Sel: "resource-lists/users/sip:alice@example.test/a&b", NewETag: "3", PreviousETag: "2"},
		{Sel: "rls-services/users/sip:alice@example.test/index", PreviousETag: "4"},
	}}
	const want = `<?xml version="1.0" encoding="UTF-8"?>
<xcap-diff xmlns="urn:ietf:params:xml:ns:xcap-diff" xcap-root="https://example.test/xcap-root/">
<document sel="pres-rules/users/sip:alice@example.test/index" new-etag="1"/>
<document sel="resource-lists/users/sip:alice@example.test/a&amp;b" new-etag="3" previous-etag="2"/>
<document sel="rls-services/users/sip:alice@example.test/index" previous-etag="4"/>
</xcap-diff>
`
	if got := string(d.Append(nil)); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
