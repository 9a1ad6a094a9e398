// Package flex reads Interactive Brokers Flex statements and turns them into journal entries and
// into the broker's own figures to reconcile against.
//
// A Flex query is configured by its user: it comes as XML or CSV, with any set of sections and
// fields, in one of several date formats, for one account or many. Trade confirmations are such
// queries too. An activity statement is a CSV file of another form, for one account. [NewReader]
// tells the kind and encoding by the first bytes and yields one typed [Statement] per account and
// period:
//
//	for st, err := range flex.NewReader(file).All() {
//		if err != nil {
//			return err
//		}
//		fmt.Println(st.AccountID, st.Trades.Len(), st.Issues)
//	}
//
// Nothing in a statement is dropped without a word. What a trade or a cash movement cannot do
// without and is missing or unreadable is an error that names line and field. What could be read
// but not interpreted (an unknown section, a contract this library has no terms for) is listed in
// [Statement.Issues]; [Issue.Unread] marks rows that move money or positions, or may. Rows that
// merely repeat others are counted in [Statement.SkippedRows]: of the levels of detail of a section
// one counts. Sections that only inform or summarize what others state are passed over, conversion
// rates among them: rates are read from the rows that tell amounts.
//
// What a row leaves out, such as a multiplier, other rows of its contract or the book may tell.
// What is guessed all the same is an issue.
//
// Corporate actions become splits, spin-offs and trades, by their types. No row tells what becomes
// of the cost basis: positions, closings, realized P&L and market values do.
// docs/corporate-actions.md has the rule of each type and its source. Bonds and bills are priced in
// per cent of their face value, and have a multiplier of 0.01. What was held before the statement
// is inferred where its closings and positions make that necessary, and never against a row that
// the broker marks as opening.
//
// A book counts what it is told once by its id, and ids are of several forms: of executions, of
// transactions, of orders, and what a row without ids says. An account whose executions are
// recorded live is imported from statements of executions with ids (ibExecID) alone, and any other
// account from statements of one form: Flex queries of executions, Flex queries of orders, or
// activity statements. [Import] refuses with [ErrLevels] what the book may have in another form.
//
// [Downloader] fetches statements from the Flex Web Service, so that nobody needs a browser for
// them.
//
// A statement is read as a stream and kept in memory, with some 0.1 KB for each trade; a plan takes
// 0.5 KB more. Import records a statement of more than MaxWhole facts in parts: see [Import] and
// [IncompleteError].
//
// Figures keep the signs of the file: a sale has a negative quantity and positive proceeds,
// commission and taxes are negative when paid.
package flex
