package pgstore

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/lib/pq"

	"github.com/ai-ots/accounts"
)

// hints are what notifications say may have changed: profiles, and owners whose active profile it
// is. A notification says where to look and nothing else, for anybody may have sent it.
type hints struct{ profiles, owners map[string]bool }

// maxHints bounds what is asked for at once, and what a flood of notifications can make the store
// keep.
const maxHints = 1000

// maxIDLength is the length of the columns of ids, in characters.
const maxIDLength = 50

func newHints() hints { return hints{map[string]bool{}, map[string]bool{}} }

func (h hints) empty() bool { return len(h.profiles)+len(h.owners) == 0 }
func (h hints) full() bool  { return len(h.profiles)+len(h.owners) >= maxHints }

// gather reads the notification and those that have come since, so that what changes often is asked
// for once. What is beyond the bound stays for the next time.
func (l *listener) gather(n *pq.Notification) hints {
	h := newHints()
	for taken := 0; ; taken++ {
		if n != nil {
			h.read(n.Extra)
		}
		if h.full() || taken == maxHints {
			return h
		}
		select {
		case more, open := <-l.notes:
			if !open { // for the caller to find
				return h
			}
			n = more
		default:
			return h
		}
	}
}

// read adds what the payload hints at. What cannot be read is ignored.
func (h hints) read(payload string) {
	dec := json.NewDecoder(strings.NewReader(payload))
	for {
		var line []json.RawMessage
		if err := dec.Decode(&line); err != nil {
			return
		}
		var kind accounts.EventKind
		var id, owner string
		if len(line) < 3 || json.Unmarshal(line[0], &kind) != nil || json.Unmarshal(line[1], &id) != nil ||
			json.Unmarshal(line[2], &owner) != nil {
			continue
		}
		switch kind {
		case accounts.EventRecorded, accounts.EventProfile:
			add(h.profiles, id)
		case accounts.EventSwitched:
			add(h.owners, owner)
		}
	}
}

// add adds an id that a column can hold. One that none can would fail the question about all
// others.
func add(set map[string]bool, id string) {
	if utf8.RuneCountInString(id) <= maxIDLength && !strings.ContainsRune(id, 0) {
		set[id] = true
	}
}
