// Package examples finds documents that standards and products print, for the
// tests of the document formats. They are not part of the project: where they
// are not there, a test says so and goes on with its own. It reads no format.
package examples

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each calls f with every file whose name has the suffix, from the directories
// of CORPUS, or of the corpus beside the project.
func Each(t *testing.T, suffix string, f func(name string, doc []byte)) {
	t.Helper()
	root := os.Getenv("CORPUS")
	if root == "" {
		root = "../../../shared/corpus"
	}
	files, _ := filepath.Glob(filepath.Join(root, "*", "*"+suffix))
	if len(files) == 0 {
		t.Logf("no %s in %s; CORPUS names another directory", suffix, root)
	}
	for _, path := range files {
		doc, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f(filepath.Base(path), doc)
	}
}

// Has tells whether a document looks as if its root were that element.
func Has(doc []byte, root string) bool {
	return strings.Contains(string(doc), "<"+root) || strings.Contains(string(doc), ":"+root+" ")
}
