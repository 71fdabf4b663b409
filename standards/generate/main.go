// Command generate writes docs/standards.md from package standards and the
// tests of the module. With -rfc DIR it lists the sections of the RFCs whose
// texts (rfc3261.txt) are there instead. It fetches nothing.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"lamplight/standards"
)

func main() {
	root := flag.String("root", "..", "the module's folder")
	texts := flag.String("rfc", "", "a folder with the texts of RFCs, to list their sections anew")
	flag.Parse()
	if err := run(*root, *texts); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(root, texts string) error {
	if texts != "" {
		b, err := standards.Sections(os.DirFS(texts))
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(root, "standards/sections.txt"), b, 0o644)
	}
	b, err := standards.Page(os.DirFS(root))
	if err != nil {
		return err
	}
	page := filepath.Join(root, standards.PageName)
	if err := os.MkdirAll(filepath.Dir(page), 0o755); err != nil {
		return err
	}
	return os.WriteFile(page, b, 0o644)
}
