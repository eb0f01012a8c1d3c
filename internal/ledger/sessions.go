package ledger

import "time"

// Session is what is known of a conversation without its turns.
type Session struct {
	ID, Source            string
	User, Agent, Workload string // of its first turn
	Provider, Model       string // where its last turn was answered
	First, Last           time.Time
	Turns                 int64
}

// SessionFilter narrows a list of sessions; zero fields don't.
type SessionFilter struct {
	// Before and BeforeID are when the last session of the page before was used,
	// and its id.
	Before   time.Time
	BeforeID string
	Limit    int

	User, Agent, Workload string
}
