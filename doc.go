// Package accounts lets one trading system run many Interactive Brokers accounts, none of which
// ever touches another.
//
// # The model
//
// A profile ([AccountProfile]) names one account and how it may trade: capital level, risk
// tolerance, limits, gateway, status. Everything is keyed on its [ProfileID], never on the broker's
// account id, which brokers have been known to change. Credentials are not part of it: they are in
// a [CredentialStore] under the same id, and rotate without touching anything else.
//
// Whatever happens to a profile is a [ledger.Fact]: a [ledger.Trade], a [ledger.CashMovement], a
// [ledger.Split], an [ledger.Opening], a [ledger.Cancellation], an [ledger.EquityPoint]. Recorded,
// it is an [Entry] in the profile's journal, which is append-only, numbered 1, 2, 3 … without gaps,
// and chained by SHA-256. What the broker corrects or takes back is recorded too, and the book
// restated; nothing is ever erased.
//
// A [ledger.Book] is the fold of a journal: positions with their FIFO lots, cash by currency,
// realized P&L. The fold is pure Go, so that every store and every process computes the same book.
// It follows the broker's own arithmetic, commissions of both sides inside the basis, and
// [Portfolio.Reconcile] holds it against the broker's own figures.
//
// A [Store] keeps profiles and journals and decides nothing. It accepts an entry only behind the
// last one, and under a key that is new. That rule gives atomicity, idempotency and several
// processes on one profile: a process that decided on stale state is refused, catches up, and
// decides again.
//
// A [Portfolio] is the handle on one profile's book, bound to that profile for life. Commands make
// entries, entries make the book, the book answers questions; readers see only what the store has
// accepted.
//
// A [MultiAccountManager] keeps it all together: it creates and switches profiles, hands out one
// portfolio for each, and tells subscribers what changed. [MultiAccountManager.SwitchProfile]
// changes what later calls take for the active profile and can never redirect an operation under
// way; [WithProfile] gives a context a profile of its own, and [WithOwner] hides from it everybody
// else's.
//
// # Packages
//
// Facts, books and valuation are in package ledger; orders, limits and rules in package risk; how
// orders are sized in package sizing; returns and ratios in package performance; the comparison
// with the broker's figures in package reconcile; secrets in package credentials. This package
// joins them to profiles and journals. Stores are in the packages under store and credentials.
//
// # Orders
//
// Before a [risk.Order] leaves, [Portfolio.Reserve] holds it against the profile's [risk.Limits]
// and, if it breaks no [risk.Rule], holds its exposure, durably: from then on it counts against
// every limit in every process, until fills that name it have made it real or [Portfolio.Release]
// lets it go. A refused order is an error, [ErrRefused], that lists every rule it breaks. What
// cannot be told, such as equity while a mark is missing, refuses; an order that only reduces a
// position is never barred by limits. Losses make trading reduce, [Portfolio.Halt] stops it, and
// only [Portfolio.Resume] lets it go on.
//
// [MultiAccountManager.Route] makes orders of one [Signal] in many profiles at once: each is sized
// to its own equity by a [sizing.Sizer], checked against its own limits, and ends as an order whose
// exposure is held, or as a refusal. [Portfolio.Performance] tells how a profile did,
// [MultiAccountManager.Compare] how several did beside each other.
//
// The library sends nothing itself: orders go out, and fills come in, through your own connection.
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
//			Quantity:   udecimal.MustParse("10"),
//			Price:      udecimal.MustParse("41.25"),
//			Commission: udecimal.MustParse("1"),
//			Time:       time.Now(),
//		})
//		fmt.Println("cash:", portfolio.Cash()["USD"].Balance())
//		return err
//	}
//
// # Values
//
// Money, prices and quantities are [ledger.Decimal]: exact, never a float. Quantities and amounts
// are signed, negative for a sale, a short position and money that went; commissions and taxes on
// trades are positive costs. Inputs whose product could not be exact are refused, and where an
// amount is shared out the parts add up to the whole. Times are in UTC at microseconds. Values that
// cross an interface are copies.
//
// Time zones come from the machine, or from the program where its main package imports time/tzdata:
// a zone that cannot be loaded is refused, by [New] and by [risk.Limits.Validate].
//
// Errors wrap the sentinels of this package (test with errors.Is), and carry details in
// [ValidationError], [RefusalError], [MissingError], [DuplicateError] and [CorruptError]
// (errors.As).
package accounts
