package accounts

// SignalID names a signal, as whoever emits it does. At most 49 bytes.
type SignalID string

const maxSignalID = 49
