package main

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/ai-ots/accounts/ibkr/flex"
)

//go:embed samples
var samples embed.FS

// file is one input with the statements in it.
type file struct {
	name       string
	statements []*flex.Statement
}

// barFrom is the size from which on reading shows a progress bar.
const barFrom = 1 << 20

// readFiles reads all input before anything is done with it, so that a broken file leaves nothing behind.
func readFiles(names []string, zone string, stderr io.Writer) ([]file, error) {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return nil, fmt.Errorf("-zone: %w", err)
	}
	open := func(name string) (fs.File, error) { return os.Open(name) }
	if len(names) == 0 {
		names = []string{"samples/medium.csv", "samples/small.xml"}
		open = samples.Open
	}
	var files []file
	for _, name := range names {
		f, err := open(name)
		if err != nil {
			return nil, err
		}
		statements, err := readFile(f, loc, stderr)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files = append(files, file{filepath.Base(name), statements})
	}
	return files, nil
}

func readFile(f fs.File, loc *time.Location, stderr io.Writer) (statements []*flex.Statement, err error) {
	defer func() {
		if closing := f.Close(); err == nil {
			err = closing
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var in io.Reader = f
	if out, ok := stderr.(*os.File); ok && info.Size() > barFrom && term.IsTerminal(int(out.Fd())) {
		bar := progressbar.NewOptions64(info.Size(), progressbar.OptionSetDescription(info.Name()),
			progressbar.OptionSetWriter(out), progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish())
		defer bar.Close()
		in = io.TeeReader(f, bar)
	}
	return flex.ReadAll(in, flex.WithLocation(loc))
}
