// Package accounts lets one trading system run many Interactive Brokers accounts. Nothing that is
// done in one account touches another.
//
// # The model
//
// A profile ([AccountProfile]) names one account and how the account may trade: capital level, risk
// tolerance, limits, gateway, status. The library keys everything on the [ProfileID]. The account
// id of the broker is an attribute, because brokers have renumbered accounts. Credentials are not
// part of a profile. A profile names a login, or has one of its own, and profiles of one owner may
// share a login. A [CredentialStore] keeps the credentials of each login, by kind.
//
// Whatever happens in an account is a [ledger.Fact]: a [ledger.Trade], a [ledger.CashMovement], a
// [ledger.Split], a [ledger.Opening], a [ledger.Transfer], a [ledger.Cancellation] or a
// [ledger.EquityPoint]. [Portfolio.Record] writes a fact to the profile's journal as an [Entry]. A
// journal is append-only. Entries are numbered 1, 2, 3 … without gaps, and each entry carries the
// SHA-256 of the entry before. A correction and a cancellation by the broker are entries too, and
// so is the commission of a trade that comes after it: the book is restated, and nothing is erased.
//
// A [ledger.Book] is the fold of a journal: positions with their FIFO lots, cash by currency,
// realized P&L. The fold is pure Go, so every store and every process computes the same book. The
// book follows the broker's arithmetic: the commissions of both sides are inside the basis.
// [Portfolio.Reconcile] compares the book with the broker's figures.
//
// A [Store] keeps profiles and journals. A store decides nothing about trading: it accepts an entry
// only behind the last entry of the journal, and only under a key that is new. This rule gives
// atomicity, idempotency and several processes on one profile. A command that was decided on stale
// state is refused; the portfolio catches up and decides again.
//
// A [Portfolio] is the handle on one profile's book, bound to that profile for life. Commands make
// entries, entries make the book, and the book answers questions. Readers see only what the store
// has accepted.
//
// A [MultiAccountManager] creates, lists and switches profiles, hands out one portfolio for each
// profile, and tells subscribers what changed. [MultiAccountManager.SwitchProfile] changes which
// profile later calls take for the active one. A switch never redirects an operation under way.
// [WithProfile] gives a context an active profile of its own. [WithOwner] hides the profiles of all
// other owners from a context, and [AsSystem] shows the profiles of every owner.
//
// # Orders
//
// [Portfolio.Reserve] checks a [risk.Order] against the [risk.Limits] of the profile before the
// order leaves. If the order breaks no [risk.Rule], Reserve holds the order's exposure durably. The
// held exposure counts against every limit in every process, until fills that name the order have
// replaced it or [Portfolio.Release] gives it back. A refused order is an error, [ErrRefused], that
// lists every rule the order breaks. Figures that are not known refuse an order: equity is not
// known while a mark is missing. Limits never refuse an order that only reduces a position. Losses
// make trading reduce, [Portfolio.Halt] stops it, and [Portfolio.Resume] lets it go on.
// [MultiAccountManager.HaltAll] stops every profile.
//
// [MultiAccountManager.Route] makes orders of one [Signal] in many profiles at once. A
// [sizing.Sizer] sizes each order to the equity of its profile, and each order is checked against
// the limits of its profile. The outcome in each profile is an [Allocation]: an order whose
// exposure is held, or a refusal. [MultiAccountManager.Preview] says beforehand what Route would
// do. [Portfolio.Performance] measures one profile. [MultiAccountManager.Compare] sets several
// profiles side by side.
//
// The library sends no orders and opens no connection to the broker. Orders go out, and fills and
// marks come in, through the caller's own connection.
//
// # The packages
//
//   - accounts (this one): profiles, the manager, portfolios, journals, the interfaces of stores.
//   - [github.com/ai-ots/accounts/ledger]: what happened. Instruments, facts, lots, the book.
//   - [github.com/ai-ots/accounts/risk]: what may happen. Orders, limits, rules, decisions.
//   - [github.com/ai-ots/accounts/sizing]: how large an order is.
//   - [github.com/ai-ots/accounts/performance]: returns, drawdown and ratios of one profile.
//   - [github.com/ai-ots/accounts/reconcile]: a book beside the broker's figures.
//   - [github.com/ai-ots/accounts/credentials]: secrets, and the sets of them that a login needs.
//   - [github.com/ai-ots/accounts/invalid]: the error that names every wrong field.
//   - store/memstore and store/pgstore: stores in memory and in PostgreSQL. store/storetest tests
//     any.
//   - credentials/memcreds, credentials/keychain and credentials/pgcreds: credential stores in
//     memory, in the operating system's keychain and in PostgreSQL. credentials/credtest tests any.
//   - [github.com/ai-ots/accounts/ibkr/flex]: reads and imports Flex statements.
//   - cmd/accounts: the operator's command for profiles and journals in PostgreSQL.
//
// # The shortest program
//
//	func hold(ctx context.Context) error {
//		store := memstore.New()
//		defer store.Close()
//		manager, err := accounts.New(store)
//		if err != nil {
//			return err
//		}
//		defer manager.Close()
//		profile, err := manager.CreateProfile(ctx, accounts.Aggressive25K("DU1000025"))
//		if err != nil {
//			return err
//		}
//		portfolio, err := manager.Portfolio(ctx, profile.ID)
//		if err != nil {
//			return err
//		}
//		_, err = portfolio.Record(ctx, ledger.Trade{
//			ExecID:     "0000e0d5.68273a2b.01.01",
//			Instrument: ledger.NewStock("XYZ", "USD"),
//			Quantity:   ledger.MustDecimal("10"),
//			Price:      ledger.MustDecimal("41.25"),
//			Commission: ledger.MustDecimal("1"),
//			Time:       time.Now(),
//		})
//		fmt.Println("cash:", portfolio.Cash()["USD"].Balance())
//		return err
//	}
//
// # Values
//
// Money, prices and quantities are a [ledger.Decimal]: exact, never a float. Quantities and amounts
// are signed; a sale, a short position and money that left are negative. Commissions and taxes on
// trades are positive costs. Inputs whose product could not be exact are refused. Where an amount
// is shared out, the parts add up to the whole. Times are in UTC at microseconds. Values that cross
// an interface are copies.
//
// Time zones come from the machine, or from the program if its main package imports time/tzdata. A
// zone that cannot be loaded is refused, by [New] for America/New_York and by
// [risk.Limits.Validate] for the zone of a profile's limits.
//
// Errors wrap the sentinels of this package; test them with errors.Is. [ValidationError],
// [RefusalError], [MissingError], [DuplicateError] and [CorruptError] carry details; read them with
// errors.As.
package accounts
