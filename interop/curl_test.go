package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// curl asks the web listener as a user, by digest, and gives the status and the body.
func curl(t *testing.T, s *server, user, path string, args ...string) string {
	t.Helper()
	return run(t, "", "curl", append([]string{"-s", "-S", "--max-time", "30", "--digest", "-u", user + ":" + password, "-w", " %{http_code}", "--path-as-is", "http://" + s.at["web"] + path}, args...)...)
}

func answers(t *testing.T, got string, status string, holds ...string) {
	t.Helper()
	if !strings.HasSuffix(got, " "+status) {
		t.Errorf("answered %q, want %s", got, status)
	}
	for _, h := range holds {
		if !strings.Contains(got, h) {
			t.Errorf("answered %q, which lacks %q", got, h)
		}
	}
}

// Documents are written and read by curl, whole and by node, on condition and by
// their user alone (RFC 4825 §6, §7); rules in one hold at once.
func TestCurlWritesDocuments(t *testing.T) {
	s := serve(t, "--web", "127.0.0.1:0")
	const lists = "/xcap-root/resource-lists/users/sip:alice@example.test/index"
	doc := filepath.Join(t.TempDir(), "lists.xml")
	text := `<?xml version="1.0" encoding="UTF-8"?>
<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list name="friends"><entry uri="sip:bob@example.test"/></list></resource-lists>`
	if err := os.WriteFile(doc, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	put := []string{"-X", "PUT", "--data-binary", "@" + doc, "-H", "Content-Type: application/resource-lists+xml"}
	answers(t, curl(t, s, "alice", lists, append(put, "-H", `If-Match: "none"`)...), "412")
	answers(t, curl(t, s, "alice", lists, put...), "201")
	answers(t, curl(t, s, "alice", lists, put...), "200")
	if got := curl(t, s, "alice", lists); got != text+" 200" {
		t.Errorf("came back as %q", got)
	}
	answers(t, curl(t, s, "bob", lists), "403")
	answers(t, curl(t, s, "alice", lists+"/~~/resource-lists/list%5b@name=%22friends%22%5d"), "200", `<entry uri="sip:bob@example.test"/>`)
	answers(t, curl(t, s, "alice", lists+"/~~/resource-lists/list%5b@name=%22friends%22%5d/entry%5b@uri=%22sip:carol@example.test%22%5d", "-X", "PUT",
		"--data-binary", `<entry uri="sip:carol@example.test"/>`, "-H", "Content-Type: application/xcap-el+xml"), "201")
	answers(t, curl(t, s, "alice", lists), "200", "carol@example.test")
	answers(t, curl(t, s, "alice", lists, "-X", "PUT", "--data-binary", "<resource-lists", "-H", "Content-Type: application/resource-lists+xml"), "409", "not-well-formed")
	answers(t, curl(t, s, "alice", lists, "-X", "DELETE"), "200")
	answers(t, curl(t, s, "alice", lists), "404")

	watcher := s.watch(t, "bob", "alice", "presence")
	rules := `<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>`
	answers(t, curl(t, s, "alice", "/xcap-root/pres-rules/users/sip:alice@example.test/index", "-X", "PUT", "--data-binary", rules, "-H", "Content-Type: application/auth-policy+xml"), "201")
	watcher.await(t, `"subscription":"terminated"`)
}

// Programs ask by digest, and each sees what its user may see.
func TestCurlAsksForStates(t *testing.T) {
	s := serve(t, "--web", "127.0.0.1:0")
	answers(t, curl(t, s, "alice", "/api/v1/me/dnd", "-X", "PUT", "--data-binary", `{"on":true}`, "-H", "Content-Type: application/json"), "200", `"dnd":true`)
	answers(t, curl(t, s, "alice", "/api/v1/presence/alice@example.test/explain"), "200", `"layers"`)
	answers(t, curl(t, s, "bob", "/api/v1/presence/alice@example.test/explain"), "403")
	answers(t, curl(t, s, "bob", "/api/v1/presence/alice@example.test"), "200", `"aor":"alice@example.test"`)
	s.watch(t, "bob", "alice", "presence")
	answers(t, curl(t, s, "alice", "/api/v1/watchers"), "200", `"aor":"bob@example.test"`)
	answers(t, curl(t, s, "alice", "/api/v1/watchers/bob@example.test", "-X", "PUT", "--data-binary", `{"handling":"block"}`), "204")
	answers(t, curl(t, s, "bob", "/api/v1/presence/alice@example.test"), "200", `"state":"unknown"`)
	answers(t, curl(t, s, "bob", "/phonebook/yealink.xml"), "200", "<YealinkIPPhoneDirectory>")
	answers(t, run(t, "", "curl", "-s", "-w", " %{http_code}", "http://"+s.at["web"]+"/api/v1/me"), "401", "sign in first")
}
