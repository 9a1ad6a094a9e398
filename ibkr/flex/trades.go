package flex

import (
	"iter"
	"slices"
	"strings"

	"github.com/ai-ots/accounts/ledger"
)

// Trades is a list of trades that takes some 100 bytes for each. A trade is made when it is asked
// for. The zero value is an empty list. Reading is safe for concurrent use.
type Trades struct {
	full      []tradeChunk
	size      int
	contracts shared[Contract]
	manners   shared[manner]
	codes     [][]string // of the manners

	bytes []byte // of the chunk that is not full yet
	ends  [chunkTrades]uint32
}

// chunkTrades is how many trades a chunk has.
const chunkTrades = 256

// tradeChunk is the bytes of so many trades, and where those of each end.
type tradeChunk struct {
	data string
	ends []uint32
}

// shared has values once that many trades have.
type shared[T comparable] struct {
	all []T
	at  map[T]int
}

// add returns the index of the value.
func (s *shared[T]) add(v T) int {
	i, known := s.at[v]
	if !known {
		if s.at == nil {
			s.at = map[T]int{}
		}
		i = len(s.all)
		s.all, s.at[v] = append(s.all, v), i
	}
	return i
}

// manner is how a trade came about, which is the same for many.
type manner struct {
	level, transactionType, exchange, buySell, openClose string
	codes                                                string // with a zero byte between each two
	commissionCurrency                                   ledger.Currency
	dateOnly, priceDerived                               bool
}

// NewTrades returns a list of the trades, for statements that come from no file.
func NewTrades(trades ...Trade) Trades {
	var l Trades
	for i := range trades {
		l.add(&trades[i])
	}
	l.finish()
	return l
}

// Len returns how many trades there are.
func (l *Trades) Len() int { return l.size }

// At returns the trade at an index from 0 to Len less one; it panics for another one.
func (l *Trades) At(i int) (t Trade) {
	l.read(i, &t)
	return t
}

// All yields the trades with their indexes. It yields one variable, which is the next trade in the
// next step: copy a trade that is to be kept.
func (l *Trades) All() iter.Seq2[int, *Trade] {
	return func(yield func(int, *Trade) bool) {
		var t Trade
		for i := range l.size {
			l.read(i, &t)
			if !yield(i, &t) {
				return
			}
		}
	}
}

// add adds a trade. The list must be finished before it is read.
func (l *Trades) add(t *Trade) {
	l.bytes = l.append(l.bytes, t)
	l.ends[l.size%chunkTrades] = uint32(len(l.bytes))
	if l.size++; l.size%chunkTrades == 0 {
		l.finish()
	}
}

// finish makes what was added readable. Nothing may be added behind a chunk that is not full.
func (l *Trades) finish() {
	if n := l.size - chunkTrades*len(l.full); n > 0 {
		l.full = append(l.full, tradeChunk{string(l.bytes), slices.Clone(l.ends[:n])})
	}
	l.bytes = l.bytes[:0]
	if l.size%chunkTrades != 0 {
		l.bytes = nil
	}
}

// without returns the list without the trades at the indexes, which are in ascending order.
func (l *Trades) without(dropped []int) (kept Trades) {
	for i, t := range l.All() {
		if len(dropped) > 0 && dropped[0] == i {
			dropped = dropped[1:]
		} else {
			kept.add(t)
		}
	}
	kept.finish()
	return kept
}

// read makes the trade at an index. Its strings are parts of the chunk.
func (l *Trades) read(i int, t *Trade) {
	chunk, at := &l.full[i/chunkTrades], i%chunkTrades
	start := uint32(0)
	if at > 0 {
		start = chunk.ends[at-1]
	}
	u := unpacker{chunk.data[start:chunk.ends[at]]}
	t.Line = int(u.number())
	t.Contract = l.contracts.all[u.number()]
	n := u.number()
	m := &l.manners.all[n]
	t.Level, t.TransactionType, t.Exchange, t.BuySell, t.OpenClose = m.level, m.transactionType, m.exchange, m.buySell, m.openClose
	t.Codes, t.CommissionCurrency, t.DateOnly, t.PriceDerived = l.codes[n], m.commissionCurrency, m.dateOnly, m.priceDerived
	for _, id := range t.ids() {
		*id = u.text()
	}
	t.Time = u.time()
	t.TradeDate = ledger.Date(u.signed())
	t.ReportDate = t.TradeDate + ledger.Date(u.signed())
	t.SettleDate = t.TradeDate + ledger.Date(u.signed())
	valid := u.number()
	for _, d := range t.figures() {
		*d = u.decimal()
	}
	for n, o := range t.optionals() {
		*o = Optional{}
		if valid&(1<<n) != 0 {
			*o = Optional{Value: u.decimal(), Valid: true}
		}
	}
}

// append packs a trade.
func (l *Trades) append(b []byte, t *Trade) []byte {
	p := packer{b}
	p.number(uint64(t.Line))
	p.number(uint64(l.contracts.add(t.Contract)))
	n := l.manners.add(manner{t.Level, t.TransactionType, t.Exchange, t.BuySell, t.OpenClose, strings.Join(t.Codes, "\x00"),
		t.CommissionCurrency, t.DateOnly, t.PriceDerived})
	if n == len(l.codes) {
		l.codes = append(l.codes, t.Codes)
	}
	p.number(uint64(n))
	for _, id := range t.ids() {
		p.text(*id)
	}
	p.time(t.Time)
	p.signed(int64(t.TradeDate))
	p.signed(int64(t.ReportDate - t.TradeDate))
	p.signed(int64(t.SettleDate - t.TradeDate))
	valid := uint64(0)
	for n, o := range t.optionals() {
		if o.Valid {
			valid |= 1 << n
		}
	}
	p.number(valid)
	for _, d := range t.figures() {
		p.decimal(*d)
	}
	for _, o := range t.optionals() {
		if o.Valid {
			p.decimal(o.Value)
		}
	}
	return p.bytes
}

func (t *Trade) ids() [8]*string {
	return [8]*string{&t.TradeID, &t.TransactionID, &t.ExecID, &t.OrderID, &t.OrigTradeID, &t.OrigTransactionID, &t.RelatedTradeID, &t.RelatedTransactionID}
}

func (t *Trade) figures() [4]*ledger.Decimal {
	return [4]*ledger.Decimal{&t.Quantity, &t.Price, &t.Taxes, &t.FXRate}
}

func (t *Trade) optionals() [5]*Optional {
	return [5]*Optional{&t.Proceeds, &t.Commission, &t.Cost, &t.Realized, &t.NetCash}
}
