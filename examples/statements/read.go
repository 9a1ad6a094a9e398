package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/ai-ots/accounts/ibkr/flex"
)

//go:embed samples
var samples embed.FS

// file is one input with the statements in it.
type file struct {
	name       string // as it was given
	statements []*flex.Statement
}

// readFiles reads all input before anything is done with it, so that a broken file leaves nothing
// behind. Statements are held in memory, at about a kilobyte for each trade.
func readFiles(ctx context.Context, o options, stderr io.Writer) ([]file, error) {
	names, zone := o.files, o.zone
	loc, err := time.LoadLocation(zone)
	if err == nil && zone == "" { // which Go takes for UTC
		err = errors.New("no time zone is given")
	}
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
			return nil, err // which names the file
		}
		statements, err := readFile(ctx, f, loc, stderr)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := nameAccounts(statements, o.account); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files = append(files, file{name, statements})
	}
	return files, nil
}

// nameAccounts gives statements that name no account, or mask it, the one that is given.
func nameAccounts(statements []*flex.Statement, account string) error {
	for _, st := range statements {
		switch {
		case st.AccountID != "" && !st.Masked():
		case account == "" && st.AccountID == "":
			return errors.New("no account id: add the account to the query, or say whose statement it is with -account U1234567")
		case account == "":
			return fmt.Errorf("account %.60q is masked: say whose statement it is with -account U1234567", st.AccountID)
		case !st.Of(account):
			return fmt.Errorf("account %.60q is not %.60q, which -account names", st.AccountID, account)
		default:
			st.AccountID = account
		}
	}
	return nil
}

func readFile(ctx context.Context, f fs.File, loc *time.Location, stderr io.Writer) (statements []*flex.Statement, err error) {
	defer func() {
		if closing := f.Close(); err == nil {
			err = closing
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errors.New("is a directory, not a statement")
	}
	var in io.Reader = interruptible{ctx, f}
	if out, ok := stderr.(*os.File); ok && wantsBar(info.Size(), term.IsTerminal(int(out.Fd()))) {
		bar := progressbar.NewOptions64(info.Size(), progressbar.OptionSetDescription(info.Name()),
			progressbar.OptionSetWriter(out), progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish())
		defer bar.Close()
		in = io.TeeReader(in, bar)
	}
	return flex.ReadAll(in, flex.WithLocation(loc))
}

// wantsBar reports whether reading a file of the size is worth a progress bar: on a terminal,
// above one megabyte.
func wantsBar(size int64, terminal bool) bool { return terminal && size > 1<<20 }

// interruptible ends reading when its context ends.
type interruptible struct {
	ctx context.Context
	in  io.Reader
}

// Read reads unless the context is done.
func (r interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.in.Read(p)
}
