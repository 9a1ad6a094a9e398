package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ibkr/flex"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
	"github.com/ai-ots/accounts/store/pgstore"
)

// statementFlags are those of commands that read statements.
type statementFlags struct {
	profile   string
	zone      string
	tolerance string
	download  downloadFlags
}

func (f *statementFlags) add(set *flag.FlagSet) {
	set.StringVar(&f.profile, "profile", "", "the `profile` of all statements; by default that of each statement's account")
	set.StringVar(&f.zone, "zone", "America/New_York", "the time `zone` of a statement's times where it names none")
	f.download.add(set)
	set.StringVar(&f.tolerance, "tolerance", "", "the `difference` allowed in each figure; what the broker's rounding explains if empty")
}

// statementResult is what came of one statement.
type statementResult struct {
	File      string             `json:"file"`
	Account   string             `json:"account"`
	From      ledger.Date        `json:"from,omitzero"`
	To        ledger.Date        `json:"to,omitzero"`
	ProfileID accounts.ProfileID `json:"profile_id"`
	Facts     int                `json:"facts"` // that the journal did not have
	Recorded  bool               `json:"recorded"`
	Inferred  int                `json:"inferred"` // lots that were held before the statement began
	Issues    []string           `json:"issues"`
	Compared  int                `json:"compared"`
	Tolerated int                `json:"tolerated"` // of these, those that differ by no more than is allowed
	Largest   ledger.Decimal     `json:"largest"`   // such difference
	Breaks    []reconcile.Break  `json:"breaks"`
	Unchecked []string           `json:"unchecked"`

	unread bool // rows move money or positions, or may, and are not in the book
}

// statementReport is what import and reconcile answer.
type statementReport struct {
	Statements []statementResult `json:"statements"`
	plan       bool              // of an import
}

func (r *statementReport) found() bool {
	return slices.ContainsFunc(r.Statements, func(s statementResult) bool {
		return len(s.Breaks) > 0 || s.unread || !r.plan && !s.Recorded && s.Facts > 0
	})
}

func (r *statementReport) write(w io.Writer) {
	for _, s := range r.Statements {
		fmt.Fprintf(w, "%s: account %s, %s to %s, profile %s\n", s.File, s.Account, s.From, s.To, s.ProfileID)
		switch {
		case s.Recorded:
			fmt.Fprintf(w, "  new facts\t%d\n", s.Facts)
		case s.Facts > 0:
			fmt.Fprintf(w, "  facts that the journal lacks\t%d\n", s.Facts)
		}
		if s.Inferred > 0 {
			fmt.Fprintf(w, "  lots inferred\t%d\t(held before the statement began)\n", s.Inferred)
		}
		for _, i := range s.Issues {
			fmt.Fprintf(w, "  not interpreted\t%s\n", i)
		}
		if s.Compared > 0 || len(s.Breaks) > 0 {
			fmt.Fprintf(w, "  figures compared\t%d\n", s.Compared)
			if s.Tolerated > 0 {
				fmt.Fprintf(w, "  differ as allowed\t%d\t(by %s at most)\n", s.Tolerated, s.Largest)
			}
			fmt.Fprintf(w, "  breaks\t%d\n", len(s.Breaks))
		}
		for _, b := range s.Breaks {
			fmt.Fprintf(w, "    %s\n", b)
		}
		for _, u := range s.Unchecked {
			fmt.Fprintf(w, "  not checked\t%s\n", u)
		}
	}
}

// source is a statement and the file that it comes from.
type source struct {
	file string
	st   *flex.Statement
}

// read reads all files, or the statement that it downloads, before anything is done with them, and
// returns their statements in the order of their periods.
func (f *statementFlags) read(ctx context.Context, e *call) (all []source, err error) {
	switch {
	case f.download.query != "" && len(e.args) > 0:
		return nil, usage("name files or a -query, not both")
	case f.download.query == "" && len(e.args) == 0:
		return nil, usage("name the files with the statements, or a -query to download")
	}
	zone, err := time.LoadLocation(f.zone)
	if err != nil || f.zone == "" {
		return nil, usage("-zone %q is no time zone", f.zone)
	}
	files, names := e.args, e.args
	if f.download.query != "" {
		file, problem := f.download.download(ctx, e)
		if problem != nil {
			return nil, problem
		}
		defer func() { err = errors.Join(err, os.Remove(file)) }()
		files, names = []string{file}, []string{"query " + f.download.query}
	}
	for i, file := range files {
		list, err := e.readStatements(ctx, file, zone)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", names[i], err)
		}
		for _, st := range list {
			all = append(all, source{names[i], st})
		}
	}
	slices.SortStableFunc(all, func(a, b source) int {
		return cmp.Or(cmp.Compare(a.st.From, b.st.From), cmp.Compare(a.st.To, b.st.To), a.st.Generated.Compare(b.st.Generated))
	})
	return all, nil
}

func (e *call) readStatements(ctx context.Context, name string, zone *time.Location) ([]*flex.Statement, error) {
	in, size := e.stdin, int64(0)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			return nil, errors.New("is a folder")
		}
		in, size = f, info.Size()
	}
	in = interruptible{ctx, in}
	if bar := e.progress("reading "+name, size); bar != nil {
		defer bar.close()
		in = io.TeeReader(in, bar)
	}
	return flex.ReadAll(in, flex.WithLocation(zone))
}

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

// each does something with every statement and the portfolio of its profile, until something fails.
// What was done before is in the answer.
func (f *statementFlags) each(
	ctx context.Context, e *call, plan bool, do func(*accounts.Portfolio, *flex.Statement, ledger.Decimal, *statementResult) error,
) (answer, error) {
	var tolerance ledger.Decimal
	if f.tolerance != "" {
		var err error
		if tolerance, err = ledger.ParseDecimal(f.tolerance); err != nil || !tolerance.IsPos() {
			return nil, usage("-tolerance %.40q is not a positive number", f.tolerance)
		}
	}
	sources, err := f.read(ctx, e)
	if err != nil {
		return nil, err
	}
	out := &statementReport{plan: plan, Statements: []statementResult{}}
	err = e.withManager(ctx, func(m *accounts.MultiAccountManager, s *pgstore.Store) error {
		bar := e.progress("statements", int64(len(sources)))
		defer bar.close()
		for _, src := range sources {
			result := statementResult{File: src.file, Account: src.st.AccountID, From: src.st.From, To: src.st.To,
				Issues: []string{}, Breaks: []reconcile.Break{}, Unchecked: []string{}}
			p, err := f.portfolio(ctx, m, s, src.st.AccountID)
			if err == nil {
				result.ProfileID = p.ProfileID()
				err = do(p, src.st, tolerance, &result)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", src.file, err)
			}
			out.Statements = append(out.Statements, result)
			bar.add(1)
		}
		return nil
	})
	if err != nil && len(out.Statements) == 0 {
		return nil, err
	}
	return out, err
}

// portfolio opens the portfolio of the profile that is named, or else of the account.
func (f *statementFlags) portfolio(
	ctx context.Context, m *accounts.MultiAccountManager, s accounts.Store, account string,
) (*accounts.Portfolio, error) {
	name := cmp.Or(f.profile, account)
	if f.profile == "" && (name == "" || strings.Contains(name, "*")) {
		return nil, usage("a statement names no account, or masks it: name the profile with -profile")
	}
	profile, err := find(ctx, s, name)
	if err != nil {
		return nil, err
	}
	return m.Portfolio(ctx, profile.ID)
}

// planned notes what a plan says.
func (r *statementResult) planned(p *flex.Plan) {
	r.Inferred = len(p.Inferred)
	for _, i := range p.Issues {
		text := fmt.Sprintf("line %d: %s: %s (rows: %d)", i.Line, i.Section, i.Text, i.Rows)
		if i.Unread {
			text += ", not in the book"
			r.unread = true
		}
		r.Issues = append(r.Issues, text)
	}
}

// compare holds the book against the broker's figures.
func (r *statementResult) compare(ctx context.Context, p *accounts.Portfolio, plan *flex.Plan, tolerance ledger.Decimal) error {
	plan.Broker.Tolerance = tolerance
	result, err := p.Reconcile(ctx, plan.Broker)
	if err != nil {
		return err
	}
	r.Compared, r.Tolerated, r.Largest = result.Compared, result.Tolerated, result.Largest
	r.Breaks = append(r.Breaks, result.Breaks...)
	r.Unchecked = append(r.Unchecked, result.Unchecked...)
	return nil
}
