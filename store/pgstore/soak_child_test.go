package pgstore

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/goleak"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// soakOp is a line to a process of the soak: a call that it is to make.
type soakOp struct {
	N       int64                        `json:"n"` // the attempt's number, which the answer repeats
	Call    string                       `json:"call"`
	Profile int                          `json:"profile"`
	Hasty   bool                         `json:"hasty,omitempty"` // with a context that ends almost at once
	Trades  []ledger.Trade               `json:"trades,omitempty"`
	Cash    []ledger.CashMovement        `json:"cash,omitempty"`
	Cancels []ledger.Cancellation        `json:"cancels,omitempty"`
	Order   *risk.Order                  `json:"order,omitempty"`
	Signal  *accounts.Signal             `json:"signal,omitempty"`
	Marks   []ledger.Mark                `json:"marks,omitempty"`
	Heads   map[accounts.ProfileID]int64 `json:"heads,omitempty"`
}

// soakAnswer is a line from a process of the soak: what came of a call. Number 0 says that it is ready.
type soakAnswer struct {
	N       int64         `json:"n"`
	Err     string        `json:"err,omitempty"`
	Final   bool          `json:"final,omitempty"`   // the same call again would not help
	Corrupt bool          `json:"corrupt,omitempty"` // the book of this process is another than the journal
	Held    []soakHeld    `json:"held,omitempty"`    // the orders that are held
	At      time.Time     `json:"at,omitzero"`       // of an equity point
	Took    time.Duration `json:"took"`
	Append  time.Duration `json:"append"` // the longest append so far
}

// soakHeld is an order whose exposure is held.
type soakHeld struct {
	Profile  int            `json:"profile"`
	ID       ledger.OrderID `json:"id"`
	Contract int            `json:"contract"`
	Quantity int64          `json:"quantity"`
}

const (
	soakWorkers  = 4
	soakLimit    = 10 * time.Second // of a call
	soakHaste    = time.Millisecond // of a hasty call
	soakPatience = 2 * time.Minute  // with what must come to pass
)

// soakFinal are errors that repeating does not mend, and that nothing in the soak gives a reason for.
var soakFinal = []error{accounts.ErrInvalid, accounts.ErrIDReused, accounts.ErrInexact, accounts.ErrFutureTime, accounts.ErrProfileNotFound,
	accounts.ErrExecutionMismatch, accounts.ErrExecutionNotFound, accounts.ErrPositionNotFound, accounts.ErrOrderNotFound, accounts.ErrClosed,
	errNotTold}

// soakChild is a process of the soak. It makes the calls that its standard input says, several at once,
// and ends with it, with an error where a goroutine is left.
func soakChild() {
	p, err := startSoakProcess(os.Getenv(childArgEnv), os.Getenv(childDSNEnv))
	if err == nil {
		p.say(soakAnswer{})
		p.work()
		err = p.close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "a process of the soak:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// soakProcess is what is open in a process of the soak.
type soakProcess struct {
	db      *sqlx.DB
	store   *Store
	manager *accounts.MultiAccountManager
	ids     []accounts.ProfileID

	speaking sync.Mutex
	out      *json.Encoder

	ctx       context.Context // ends with close
	cancel    context.CancelFunc
	following sync.WaitGroup
	told      soakNews
}

// startSoakProcess opens everything, as often as it takes: the server may be failing over.
func startSoakProcess(driver, dsn string) (*soakProcess, error) {
	p := &soakProcess{out: json.NewEncoder(os.Stdout), told: newSoakNews()}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	for i := range soakProfiles {
		p.ids = append(p.ids, testProfile(i).ID)
	}
	deadline := time.Now().Add(soakPatience)
	for {
		err := p.open(driver, dsn)
		if err == nil {
			return p, nil
		}
		if time.Now().After(deadline) {
			return nil, err
		}
		soakPause(p.ctx)
	}
}

func (p *soakProcess) open(driver, dsn string) (err error) {
	ctx, cancel := context.WithTimeout(p.ctx, soakLimit)
	defer cancel()
	defer func() {
		if err != nil {
			err = errors.Join(err, p.shut())
		}
	}()
	if driver == "postgres" {
		p.store, err = Open(ctx, dsn, RequireSynchronous(1))
	} else if p.db, err = sqlx.Open(driver, dsn); err == nil {
		p.store, err = New(ctx, p.db, RequireSynchronous(1), WithListenDSN(dsn))
	}
	if err != nil {
		return err
	}
	if p.manager, err = accounts.New(p.store); err != nil {
		return err
	}
	events, err := p.manager.Subscribe(p.ctx)
	if err != nil {
		return err
	}
	for _, id := range p.ids { // behind the subscription: what is older is not told
		portfolio, err := p.manager.Portfolio(ctx, id)
		if err != nil {
			return err
		}
		p.told.learn(id, portfolio.Stats().Seq)
	}
	p.following.Go(func() { p.follow(events) })
	return nil
}

// shut closes what is open.
func (p *soakProcess) shut() error {
	var errs []error
	if p.manager != nil {
		errs = append(errs, p.manager.Close())
	}
	if p.store != nil {
		errs = append(errs, p.store.Close())
	}
	if p.db != nil {
		errs = append(errs, p.db.Close())
	}
	p.manager, p.store, p.db = nil, nil, nil
	return errors.Join(errs...)
}

// close closes everything, and looks for goroutines that are left.
func (p *soakProcess) close() error {
	p.cancel()
	err := p.shut()
	p.following.Wait()
	return errors.Join(err, goleak.Find())
}

func (p *soakProcess) say(a soakAnswer) {
	p.speaking.Lock()
	defer p.speaking.Unlock()
	if err := p.out.Encode(a); err != nil {
		os.Exit(1) // the parent is gone
	}
}

// work makes the calls until the standard input ends.
func (p *soakProcess) work() {
	ops := make(chan soakOp)
	var workers sync.WaitGroup
	for range soakWorkers {
		workers.Go(func() {
			for op := range ops {
				p.say(p.do(op))
			}
		})
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var op soakOp
		if err := json.Unmarshal(in.Bytes(), &op); err != nil {
			p.say(soakAnswer{Err: "cannot read the call: " + err.Error(), Final: true})
			break
		}
		ops <- op
	}
	close(ops)
	workers.Wait()
}

// do makes a call and tells what came of it.
func (p *soakProcess) do(op soakOp) soakAnswer {
	a := soakAnswer{N: op.N}
	limit := soakLimit
	switch {
	case op.Hasty:
		limit = soakHaste
	case op.Call == "newest":
		limit = soakPatience
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	begun := time.Now()
	err := p.call(ctx, op, &a)
	a.Took, a.Append = time.Since(begun), p.manager.Stats().Store.Append.Max
	if err != nil {
		a.Err, a.Corrupt = err.Error(), errors.Is(err, accounts.ErrCorrupt)
		a.Final = slices.ContainsFunc(soakFinal, func(final error) bool { return errors.Is(err, final) })
	}
	return a
}

func (p *soakProcess) call(ctx context.Context, op soakOp, a *soakAnswer) error {
	switch op.Call {
	case "mark":
		return p.manager.Mark(ctx, op.Marks...)
	case "route":
		return p.route(ctx, *op.Signal, a)
	case "newest":
		return p.told.await(ctx, op.Heads)
	}
	portfolio, err := p.manager.Portfolio(ctx, p.ids[op.Profile])
	if err != nil {
		return err
	}
	switch op.Call {
	case "record":
		facts := append(ledger.Facts(op.Trades), ledger.Facts(op.Cash)...)
		_, err = portfolio.Record(ctx, append(facts, ledger.Facts(op.Cancels)...)...)
	case "reserve":
		if _, err = portfolio.Reserve(ctx, *op.Order); err == nil {
			a.Held = append(a.Held, p.held(op.Profile, *op.Order))
		} else if errors.Is(err, accounts.ErrRefused) {
			err = nil // decided all the same
		}
	case "release":
		err = portfolio.Release(ctx, op.Order.ID, "soak")
	case "equity":
		a.At = time.Now().UTC().Truncate(time.Microsecond)
		err = portfolio.RecordEquity(ctx, a.At)
	case "halt":
		err = portfolio.Halt(ctx, "soak")
	case "resume":
		err = portfolio.Resume(ctx, "soak")
	default:
		err = fmt.Errorf("%w: call %q", accounts.ErrInvalid, op.Call)
	}
	return err
}

// route routes a signal to every profile. It fails unless every profile has decided.
func (p *soakProcess) route(ctx context.Context, signal accounts.Signal, a *soakAnswer) error {
	allocations, err := p.manager.Route(ctx, signal)
	for _, one := range allocations {
		if one.Held() {
			a.Held = append(a.Held, p.held(slices.Index(p.ids, one.ProfileID), one.Order))
		} else if !errors.Is(one.Err, accounts.ErrRefused) {
			err = errors.Join(err, one.Err)
		}
	}
	return err
}

func (p *soakProcess) held(profile int, o risk.Order) soakHeld {
	h := soakHeld{Profile: profile, ID: o.ID, Contract: -1}
	for i := range soakContracts {
		if soakContract(i).Key() == o.Instrument.Key() {
			h.Contract = i
		}
	}
	h.Quantity, _ = o.Quantity.Int64()
	return h
}
