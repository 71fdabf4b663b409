package pages

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
)

//go:embed static
var staticFiles embed.FS

// file is one that browsers keep for ever: its address holds its hash.
type file struct {
	kind         string
	plain, tight []byte // and compressed
}

var files, staticHash = readStatic()

var kinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml", ".webmanifest": "application/manifest+json"}

func readStatic() (map[string]file, string) {
	all, sum := map[string]file{}, sha256.New()
	entries, err := staticFiles.ReadDir("static")
	if err != nil {
		panic(err) // embedded: it cannot be missing
	}
	for _, e := range entries {
		plain, err := staticFiles.ReadFile("static/" + e.Name())
		if err != nil {
			panic(err)
		}
		sum.Write(plain)
		all[e.Name()] = file{kinds[path.Ext(e.Name())], plain, tighten(plain)}
	}
	return all, hex.EncodeToString(sum.Sum(nil)[:8])
}

func tighten(plain []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(plain)
	_ = z.Close()
	return b.Bytes()
}

// staticPath is where a file is found, as long as it is the same.
func staticPath(name string) string { return "/static/" + staticHash + "/" + name }

func static(w http.ResponseWriter, r *http.Request) {
	f, ok := files[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.PathValue("hash") == staticHash {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	w.Header().Set("Content-Type", f.kind)
	send(w, r, f.plain, f.tight)
}

// send writes what is compressed to who reads it.
func send(w http.ResponseWriter, r *http.Request, plain, tight []byte) {
	w.Header().Add("Vary", "Accept-Encoding")
	if tight != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		plain = tight
	}
	_, _ = w.Write(plain)
}
