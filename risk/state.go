package risk

// ProfileStatus says whether a profile may be used.
type ProfileStatus string

// The statuses. Only an active profile can be switched to. An archived one keeps its journal for
// ever and is never changed again; what the broker reports late is still recorded.
const (
	StatusActive    ProfileStatus = "active"
	StatusInactive  ProfileStatus = "inactive"
	StatusSuspended ProfileStatus = "suspended"
	StatusArchived  ProfileStatus = "archived"
)

// TradingState says what orders a profile accepts at all. It is in the journal: a restart does
// not forget it.
type TradingState string

// The trading states.
const (
	TradingActive TradingState = "active"
	// TradingReducing accepts only orders that make positions smaller. It is what breaches lead to:
	// they never bar the way out.
	TradingReducing TradingState = "reducing"
	// TradingHalted accepts nothing. Only a person halts.
	TradingHalted TradingState = "halted"
)
