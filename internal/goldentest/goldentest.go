// Package goldentest reads the journals under testdata/golden, which an earlier version of the
// library wrote, and tells what the library makes of them today. Tests compare that with what was
// written down at the time.
package goldentest

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Journal is one journal with everything that was written down of it.
type Journal struct {
	Name    string
	Profile Profile
	Entries []accounts.Entry
	Middle  accounts.Checkpoint // saved while the journal was being written, by the version that wrote it
	End     accounts.Checkpoint // saved behind its last entry, by that version
	// Now are the checkpoints that today's version saves at the same entries; nil if there are none
	// yet.
	Now     []accounts.Checkpoint
	State   string // what State returned at the end
	Figures string // what Figures returns
}

// Profile is NAME.profile.json: the profile as it was at the end of the journal, and the moment
// and the market at which the state was taken.
type Profile struct {
	ID        string       `json:"id"`
	Name      string       `json:"name"`
	Account   string       `json:"account"`
	Level     string       `json:"level"`
	Tolerance string       `json:"tolerance"`
	Mode      string       `json:"mode"`
	Status    string       `json:"status"`
	Base      string       `json:"base"`
	Host      string       `json:"host,omitempty"`
	Port      int          `json:"port,omitempty"`
	Client    int          `json:"client,omitempty"`
	Owner     string       `json:"owner,omitempty"`
	Version   int64        `json:"version"`
	Created   time.Time    `json:"created"`
	Updated   time.Time    `json:"updated"`
	LastUsed  time.Time    `json:"last_used,omitzero"`
	Limits    *risk.Limits `json:"limits"` // null for the defaults

	Now    time.Time    `json:"now"`
	Marks  []Mark       `json:"marks"`
	Rates  []Rate       `json:"rates"`
	Orders []risk.Order `json:"orders"` // which Check is asked about
}

// Mark is the price of a contract.
type Mark struct {
	Instrument ledger.Instrument `json:"instrument"`
	Price      ledger.Decimal    `json:"price"`
}

// Rate is what a currency is worth in the base currency.
type Rate struct {
	Currency ledger.Currency `json:"currency"`
	Rate     ledger.Decimal  `json:"rate"`
}

// Stored returns the profile as a store keeps it.
func (p *Profile) Stored() accounts.AccountProfile {
	return accounts.AccountProfile{
		ID: accounts.ProfileID(p.ID), Name: p.Name, IBKRAccountID: p.Account,
		CapitalLevel: accounts.CapitalLevel(p.Level), RiskTolerance: accounts.RiskTolerance(p.Tolerance),
		Mode: accounts.TradingMode(p.Mode), Status: accounts.ProfileStatus(p.Status),
		BaseCurrency: ledger.Currency(p.Base), Owner: accounts.OwnerID(p.Owner), Version: p.Version,
		Gateway:   accounts.Gateway{Host: p.Host, Port: p.Port, ClientID: p.Client},
		CreatedAt: p.Created, UpdatedAt: p.Updated, LastUsedAt: p.LastUsed, Limits: p.Limits,
	}
}

// Line is an entry as a line of NAME.journal. The payload is a string, so that its bytes are kept.
type Line struct {
	Seq     int64     `json:"seq"`
	Kind    string    `json:"kind"`
	Key     string    `json:"key"`
	Time    time.Time `json:"time"`
	Prev    string    `json:"prev"`
	Hash    string    `json:"hash"`
	Payload string    `json:"payload"`
}

// CheckpointLine is a checkpoint as a line of NAME.checkpoint. The bytes of its State are those of
// Sum, which are hexadecimal here, and then those of Book.
type CheckpointLine struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
	Sum  string `json:"sum"`
	Book string `json:"book"`
}

// Names returns the names of the journals in the folder.
func Names(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.journal"))
	require.NoError(t, err, "list the golden journals")
	require.NotEmpty(t, files, "there is no golden journal in %s", dir)
	var names []string
	for _, f := range files {
		base := filepath.Base(f)
		names = append(names, base[:len(base)-len(".journal")])
	}
	slices.Sort(names)
	return names
}

// Load reads one journal.
func Load(t testing.TB, dir, name string) *Journal {
	t.Helper()
	j := &Journal{Name: name, State: withoutFigures(t, string(read(t, dir, name+".state.json")))}
	if figures, err := os.ReadFile(filepath.Join(dir, FiguresFile(name))); err == nil {
		j.Figures = string(figures)
	}
	dec := json.NewDecoder(bytes.NewReader(read(t, dir, name+".profile.json")))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&j.Profile), "read the profile of %s", name)
	id := accounts.ProfileID(j.Profile.ID)
	for _, l := range lines[Line](t, dir, name+".journal") {
		j.Entries = append(j.Entries, accounts.Entry{
			ProfileID: id, Seq: l.Seq, Kind: ledger.EntryKind(l.Kind), Key: l.Key, Time: l.Time,
			Payload: []byte(l.Payload), Prev: hash(t, l.Prev), Hash: hash(t, l.Hash),
		})
	}
	saved := checkpoints(t, dir, name+".checkpoint", id)
	require.Len(t, saved, 2, "checkpoints of %s", name)
	j.Middle, j.End = saved[0], saved[1]
	if _, err := os.Stat(filepath.Join(dir, CheckpointsFile(name))); err == nil {
		j.Now = checkpoints(t, dir, CheckpointsFile(name), id)
	}
	last := j.Last()
	require.Equal(t, last.Seq, j.End.Seq, "the last checkpoint of %s is not of its end", name)
	require.Less(t, j.Middle.Seq, last.Seq, "the first checkpoint of %s is not of its middle", name)
	return j
}

// FiguresFile returns the name of the file with a journal's figures.
func FiguresFile(name string) string { return name + ".figures.json" }

// CheckpointsFile returns the name of the file with the checkpoints of today's version.
func CheckpointsFile(name string) string { return name + ".checkpoint5" }

// CheckpointsText returns checkpoints as the file has them.
func CheckpointsText(t testing.TB, list ...accounts.Checkpoint) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, c := range list {
		sum, book := c.State[:len(c.Hash)], c.State[len(c.Hash):]
		line, err := json.Marshal(CheckpointLine{c.Seq, c.Hash.String(), hex.EncodeToString(sum), string(book)})
		require.NoError(t, err)
		b.Write(append(line, '\n'))
	}
	return b.Bytes()
}

// checkpoints reads a file of checkpoints.
func checkpoints(t testing.TB, dir, file string, id accounts.ProfileID) []accounts.Checkpoint {
	t.Helper()
	var out []accounts.Checkpoint
	for _, l := range lines[CheckpointLine](t, dir, file) {
		sum := hash(t, l.Sum)
		out = append(out, accounts.Checkpoint{ProfileID: id, Seq: l.Seq, Hash: hash(t, l.Hash), State: append(sum[:], l.Book...)})
	}
	return out
}

// withoutFigures takes the performance out of a state: no journal and no checkpoint holds figures,
// and those of the state are by the definitions of the version that wrote it.
func withoutFigures(t testing.TB, state string) string {
	t.Helper()
	before, rest, found := strings.Cut(state, "\n\"performance\": {")
	_, after, ends := strings.Cut(rest, "\n},")
	require.True(t, found && ends, "the state has no performance")
	return before + after
}

// Last returns the last entry.
func (j *Journal) Last() accounts.Entry { return j.Entries[len(j.Entries)-1] }

func read(t testing.TB, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err, "read a golden file")
	return data
}

func lines[T any](t testing.TB, dir, name string) (out []T) {
	t.Helper()
	s := bufio.NewScanner(bytes.NewReader(read(t, dir, name)))
	s.Buffer(nil, 1<<24)
	for s.Scan() {
		var l T
		require.NoError(t, json.Unmarshal(s.Bytes(), &l), "line %d of %s", len(out)+1, name)
		out = append(out, l)
	}
	require.NoError(t, s.Err(), "read %s", name)
	return out
}

func hash(t testing.TB, text string) (h accounts.Hash) {
	t.Helper()
	data, err := hex.DecodeString(text)
	require.NoError(t, err, "a hash that is not hexadecimal")
	require.Len(t, data, len(h), "bytes of a hash")
	copy(h[:], data)
	return h
}

func (p *Profile) clock() time.Time { return p.Now }
