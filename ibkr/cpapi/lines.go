package cpapi

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

const (
	// lineIdle is how long a contract's quotes are streamed after they were asked for last.
	lineIdle = 5 * time.Minute
	// lineFresh is how long ago the stream may have told of a contract for its quote to be taken
	// from there. A price that does not move is asked for: nobody can tell it from a stream that
	// has fallen silent.
	lineFresh = 15 * time.Second
	// lineTrusted is how long a row is carried on by changes alone. A change that was lost shows
	// until then.
	lineTrusted = time.Minute
)

// lines are the market data lines: the contracts whose quotes the websocket tells, because somebody
// asked for them lately. The stream tells changes, which are joined to a snapshot. It is safe for
// concurrent use.
type lines struct {
	limit   int
	changed chan struct{} // tells the stream that there are commands to send; has room for one

	mu    sync.Mutex
	byID  map[int64]*dataLine
	live  bool    // a connection tells quotes
	ended []int64 // contracts that the connection still tells and nobody asks for
	moved bool    // a quote was told since the last hint
}

// dataLine is the line of one contract.
type dataLine struct {
	instrument ledger.Instrument
	asked      time.Time // when a quote was asked for last
	ready      bool      // the session was told of what the contract is derived from
	subscribed bool      // on this connection
	row        snapshot
	heard      time.Time // when this connection told of the contract last; zero if it has not
	based      time.Time // when a snapshot gave the whole row; zero if none did, or changes came in the wrong order
}

func newLines(limit int) *lines {
	return &lines{limit: limit, changed: make(chan struct{}, 1), byID: map[int64]*dataLine{}}
}

// want notes that quotes of contracts are asked for in this session, and gives lines to those that
// have none, as far as there are lines. It ends those that nobody has asked for in a while.
func (l *lines) want(now time.Time, contracts map[int64]ledger.Instrument) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range contracts {
		if d := l.byID[id]; d != nil {
			d.asked, d.ready = now, true
			if !d.subscribed {
				l.tellStream()
			}
		}
	}
	l.expire(now)
	for id, i := range contracts {
		if l.byID[id] == nil && len(l.byID) < l.limit {
			l.byID[id] = &dataLine{instrument: i, asked: now, ready: true}
			l.tellStream()
		}
	}
}

// expire ends the lines that nobody has asked for in a while. l.mu is held.
func (l *lines) expire(now time.Time) {
	for id, d := range l.byID {
		if now.Sub(d.asked) < lineIdle {
			continue
		}
		delete(l.byID, id)
		if d.subscribed {
			l.ended = append(l.ended, id)
			l.tellStream()
		}
	}
}

func (l *lines) tellStream() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// begin begins a connection, which tells nothing yet.
func (l *lines) begin() { l.reset(true) }

// end says that no connection tells quotes: it broke, or its session ended.
func (l *lines) end() { l.reset(false) }

func (l *lines) reset(live bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live, l.ended, l.moved = live, nil, false
	for _, d := range l.byID {
		d.subscribed, d.row, d.heard, d.based = false, snapshot{}, time.Time{}, time.Time{}
		if d.instrument.SecType != ledger.Stock {
			d.ready = false // a new session may have to search first, as it does when a quote is asked for
		}
	}
}

// commands returns what the connection has to be told, once.
func (l *lines) commands(now time.Time) (list []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
	if !l.live {
		return nil
	}
	for _, id := range l.ended {
		list = append(list, fmt.Sprintf("umd+%d+{}", id)) // before the others: there are no more lines than that
	}
	l.ended = nil
	for id, d := range l.byID {
		if d.ready && !d.subscribed {
			d.subscribed = true
			list = append(list, fmt.Sprintf(`smd+%d+{"fields":["%s"]}`, id, strings.Join(quoteFields, `","`)))
		}
	}
	return list
}

// topicOfQuotes begins the topic of a message about a contract's quote.
const topicOfQuotes = "smd+"

// hear takes a message about a contract's quote. A message that cannot be read, or is about a
// contract that nobody asked for, changes nothing.
func (l *lines) hear(now time.Time, topic string, body []byte) {
	id, err := strconv.ParseInt(strings.TrimPrefix(topic, topicOfQuotes), 10, 64)
	if err != nil {
		return // a combination has no id of its own
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.byID[id]
	if d == nil || !d.subscribed {
		return
	}
	row := d.row // what the message does not tell has not changed
	row.ConID = whole(id)
	if json.Unmarshal(body, &row) != nil || int64(row.ConID) != id {
		return
	}
	if _, _, err := row.quote(d.instrument); err != nil {
		return
	}
	l.moved = true
	d.heard = now
	if row.Updated < d.row.Updated {
		d.based = time.Time{} // what else came out of its order is not known
		return
	}
	d.row = row
}

// base takes a whole row from a snapshot.
func (l *lines) base(now time.Time, row snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.byID[int64(row.ConID)]
	if d == nil || !d.subscribed || row.cold() || row.Updated < d.row.Updated {
		return // the stream is ahead of the snapshot: the next one may tell
	}
	d.row, d.based = row, now
}

// row returns what the stream tells of a contract; false if a snapshot has to tell.
func (l *lines) row(now time.Time, id int64) (snapshot, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.byID[id]
	if d == nil || d.heard.IsZero() || d.based.IsZero() || now.Sub(d.heard) > lineFresh || now.Sub(d.based) > lineTrusted || d.row.cold() {
		return snapshot{}, false
	}
	return d.row, true
}

// hasMoved reports whether a quote was told since it was called last.
func (l *lines) hasMoved() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	moved := l.moved
	l.moved = false
	return moved
}
