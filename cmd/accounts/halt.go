package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/pgstore"
)

// stateChange is what halt and resume answer.
type stateChange struct {
	State    risk.TradingState    `json:"state"`
	Reason   string               `json:"reason"`
	Profiles []accounts.ProfileID `json:"profiles"` // which are in that state now
}

func (c *stateChange) found() bool { return false }

func (c *stateChange) write(w io.Writer) {
	for _, id := range c.Profiles {
		fmt.Fprintf(w, "%s\t%s\n", id, c.State)
	}
	if len(c.Profiles) == 0 {
		fmt.Fprintln(w, "there is no profile")
	}
}

// tradingTimeout is that of commands which somebody waits for while money is at stake.
const tradingTimeout = 30 * time.Second

var halt = &command{
	name: "halt", args: "(<profile> | -all)", summary: "Halt trading: the kill switch.",
	text: `Halts a profile, or every profile that is not archived: from then on no process can hold or send
an order of it. The halt is in the journal, with its reason, and survives restarts. The process that
works the login at the broker cancels the orders there; where none runs, nobody does. With -all a
failure of one profile keeps no other from being halted; exits with 1 unless all are.`,
	timeout: tradingTimeout,
	setup: func(set *flag.FlagSet) action {
		reason := set.String("reason", "", "the `reason`, which is written to the journal; needed")
		all := set.Bool("all", false, "every profile of every owner")
		return func(ctx context.Context, e *call) (answer, error) {
			switch {
			case *all && len(e.args) > 0:
				return nil, usage("-all and a profile: which is meant?")
			case *all:
				return haltAll(ctx, e, *reason)
			}
			return changeState(ctx, e, *reason, risk.TradingHalted, (*accounts.Portfolio).Halt)
		}
	},
}

var resume = &command{
	name: "resume", args: "<profile>", summary: "Let one profile trade again.",
	text: `Ends a halt, or a state in which orders may only reduce, of one profile. The reason is written to
the journal. Losses are counted anew from the present equity, if they are beyond a limit or may be:
then the command needs a price for each contract that is held, and a rate for each foreign currency.
Prices are in no database: it says which are missing, and -mark and -rate tell them.`,
	timeout: tradingTimeout,
	setup: func(set *flag.FlagSet) action {
		var known prices
		reason := set.String("reason", "", "the `reason`, which is written to the journal; needed")
		set.Func("mark", "`contract=price`: what a contract that is held costs now, as in STK:XYZ:USD=101.25; may be repeated", known.addMark)
		set.Func("rate", "`currency=rate`: what a currency is worth now in the base currency, as in EUR=1.08; may be repeated", known.addRate)
		return func(ctx context.Context, e *call) (answer, error) {
			return changeState(ctx, e, *reason, risk.TradingActive, func(p *accounts.Portfolio, ctx context.Context, reason string) error {
				if err := known.tell(p); err != nil {
					return err
				}
				return p.Resume(ctx, reason)
			})
		}
	},
}

// prices are what a person knows of the market.
type prices struct {
	marks map[ledger.InstrumentKey]ledger.Decimal
	rates []ledger.FXRate
}

func (k *prices) addMark(s string) error {
	at := strings.LastIndex(s, "=")
	if at < 0 {
		return errors.New("is not contract=price")
	}
	price, err := ledger.ParseDecimal(s[at+1:])
	if err != nil {
		return err
	}
	if k.marks == nil {
		k.marks = map[ledger.InstrumentKey]ledger.Decimal{}
	}
	k.marks[ledger.InstrumentKey(s[:at])] = price
	return nil
}

func (k *prices) addRate(s string) error {
	currency, text, is := strings.Cut(s, "=")
	if !is {
		return errors.New("is not currency=rate")
	}
	rate, err := ledger.ParseDecimal(text)
	k.rates = append(k.rates, ledger.FXRate{Currency: ledger.Currency(currency), Rate: rate})
	return err
}

// tell gives the prices to a portfolio, as of now. A contract that is not held is a slip of the
// hand.
func (k *prices) tell(p *accounts.Portfolio) error {
	now := time.Now()
	var marks []ledger.Mark
	for _, key := range slices.Sorted(maps.Keys(k.marks)) {
		held, is := p.Position(key)
		if !is || held.Quantity.IsZero() {
			return fmt.Errorf("%w: -mark: the profile does not hold %.60q", accounts.ErrInvalid, key)
		}
		marks = append(marks, ledger.Mark{Instrument: held.Instrument, Price: k.marks[key], Time: now})
	}
	for i := range k.rates {
		k.rates[i].Time = now
	}
	return errors.Join(p.Mark(marks...), p.MarkFX(k.rates...))
}

func checkReason(reason string) error {
	if err := risk.CheckReason(reason); err != nil {
		return usage("-reason: %v", err)
	}
	return nil
}

// changeState halts or resumes one profile.
func changeState(
	ctx context.Context, e *call, reason string, to risk.TradingState, change func(*accounts.Portfolio, context.Context, string) error,
) (answer, error) {
	name, err := e.one("profile")
	if err == nil {
		err = checkReason(reason)
	}
	if err != nil {
		return nil, err
	}
	out := &stateChange{State: to, Reason: reason}
	err = e.withManager(ctx, func(m *accounts.MultiAccountManager, s *pgstore.Store) error {
		profile, err := find(ctx, s, name)
		if err != nil {
			return err
		}
		p, err := m.Portfolio(ctx, profile.ID)
		if err != nil {
			return err
		}
		if err := change(p, ctx, reason); err != nil {
			return err
		}
		out.Profiles = append(out.Profiles, profile.ID)
		return nil
	})
	if len(out.Profiles) == 0 {
		return nil, err
	}
	return out, err
}

func haltAll(ctx context.Context, e *call, reason string) (answer, error) {
	if err := checkReason(reason); err != nil {
		return nil, err
	}
	out := &stateChange{State: risk.TradingHalted, Reason: reason, Profiles: []accounts.ProfileID{}}
	err := e.withManager(ctx, func(m *accounts.MultiAccountManager, s *pgstore.Store) error {
		if err := m.HaltAll(ctx, reason); err != nil {
			return err
		}
		list, err := s.Profiles(ctx, accounts.ProfileFilter{Statuses: inUse})
		for _, p := range list {
			out.Profiles = append(out.Profiles, p.ID)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
