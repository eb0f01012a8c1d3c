package config

// Class says which models serve a class of requests.
type Class struct {
	Chain Chain `yaml:"chain" doc:"models to try in order"`
}

// Auto configures how a request without a model finds its class.
type Auto struct {
	DefaultClass string   `yaml:"default_class" enum:"high_volume,interactive,reasoning,long_context" doc:"class of a request for auto that nothing else decides"`
	Confidence   Fraction `yaml:"confidence" doc:"how sure the classifier must be to decide, from 0 to 1"`
}

// Workload is a named kind of work.
type Workload struct {
	Class    string     `yaml:"class" enum:"high_volume,interactive,reasoning,long_context" doc:"what its requests need"`
	Chain    Chain      `yaml:"chain" doc:"models to try in order"`
	Prefer   string     `yaml:"prefer" enum:"order,cheap,fast,free" doc:"order of the chain's models: as written, cheapest, fastest or free ones first"`
	Escalate Escalate   `yaml:"escalate" doc:"when to move to stronger models"`
	Switch   Chain      `yaml:"switch" doc:"models that a client may name instead; the session then stays on it"`
	Inherit  string     `yaml:"inherit" enum:"session" doc:"session: use the model that the session is on"`
	Timeout  Timeout    `yaml:"timeout" doc:"limits in time, or one duration for the total"`
	Retry    Retry      `yaml:"retry" doc:"retries"`
	When     Expression `yaml:"when" doc:"CEL over request facts: a request for auto takes the first workload whose rule is true"`
}

// Escalate says when a workload moves to stronger models, and which.
type Escalate struct {
	To Chain    `yaml:"to" doc:"models to move to"`
	On []string `yaml:"on" enum:"complex,tool_chain,failure,user_correction" doc:"what escalates: complex, tool_chain, failure, user_correction"`
	// After is how many tool calls or steps of a task are a tool_chain; 0 is 8.
	After int `yaml:"after" min:"1" max:"1000" doc:"how many tool calls or steps of a task are a tool_chain; 8 when not said"`
}

// Retry bounds the attempts of a workload's turns; zero is the server's own
// bound.
type Retry struct {
	Attempts int `yaml:"attempts" min:"1" max:"20" doc:"most attempts for a turn"`
}
