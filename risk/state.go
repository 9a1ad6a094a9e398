package risk

// ProfileStatus says whether a profile may be used.
type ProfileStatus string

// The statuses. Only an active profile can be switched to. An archived profile keeps its journal
// for ever and never changes again, but facts that the broker reports late are still recorded.
const (
	StatusActive    ProfileStatus = "active"
	StatusInactive  ProfileStatus = "inactive"
	StatusSuspended ProfileStatus = "suspended"
	StatusArchived  ProfileStatus = "archived"
)

// TradingState says which orders a profile accepts at all. It is in the journal: a restart does not
// change it.
type TradingState string

// The trading states.
const (
	TradingActive TradingState = "active"
	// TradingReducing accepts only orders that make positions smaller. Breaches lead to it.
	TradingReducing TradingState = "reducing"
	// TradingHalted accepts no order. Only a person halts trading.
	TradingHalted TradingState = "halted"
)
