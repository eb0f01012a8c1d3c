package config

// Key is a static OIDO key.
type Key struct {
	Key      Secret   `yaml:"key" doc:"the key's text, at least 24 characters"`
	Name     string   `yaml:"name" doc:"a name to know it by"`
	Org      string   `yaml:"org" doc:"org that the key works for"`
	User     string   `yaml:"user" doc:"user that the key's turns are accounted to"`
	Role     string   `yaml:"role" enum:"operator,admin,member,viewer" doc:"operator, admin, member or viewer"`
	Agent    string   `yaml:"agent" doc:"agent that turns are accounted to when the request names none"`
	Workload string   `yaml:"workload" doc:"workload of requests that name none"`
	Agents   []string `yaml:"agents" doc:"the only agents that requests may name; empty: any"`
	Models   []string `yaml:"models" doc:"the only models that may be used, provider/model or with a * at the end; empty: any"`
	Limits   Quota    `yaml:"limits" doc:"limits of this key"`
}

// Quota is a set of upper bounds; zero is no bound.
type Quota struct {
	RequestsPerMinute int64   `yaml:"requests_per_minute" min:"0" doc:"requests a minute"`
	TokensPerMinute   int64   `yaml:"tokens_per_minute" min:"0" doc:"tokens a minute, input and output"`
	TokensPerHour     int64   `yaml:"tokens_per_hour" min:"0" doc:"tokens an hour"`
	TokensPerDay      int64   `yaml:"tokens_per_day" min:"0" doc:"tokens a day"`
	TokensPerMonth    int64   `yaml:"tokens_per_month" min:"0" doc:"tokens a month"`
	USDPerHour        NanoUSD `yaml:"usd_per_hour" doc:"US dollars an hour"`
	USDPerDay         NanoUSD `yaml:"usd_per_day" doc:"US dollars a day"`
	USDPerMonth       NanoUSD `yaml:"usd_per_month" doc:"US dollars a month"`
	Concurrency       int64   `yaml:"concurrency" min:"0" doc:"requests at the same time"`
}

// Limit bounds what the work of a subject may use. Subjects that aren't given
// are any.
type Limit struct {
	Org      string `yaml:"org" doc:"org that the limit is for"`
	User     string `yaml:"user" doc:"user that the limit is for"`
	Key      string `yaml:"key" doc:"name or id of the key that the limit is for"`
	Agent    string `yaml:"agent" doc:"agent that the limit is for"`
	Workload string `yaml:"workload" doc:"workload that the limit is for"`
	Model    string `yaml:"model" doc:"model that the limit is for"`

	Quota `yaml:",inline"`

	Window       string `yaml:"window" enum:"calendar,rolling" doc:"calendar: hours, days and months by the clock; rolling: the last so many"`
	OnExceed     string `yaml:"on_exceed" enum:"refuse,downgrade,warn" doc:"refuse, downgrade (to a cheaper model) or warn"`
	UnknownPrice string `yaml:"unknown_price" enum:"allow,refuse" doc:"whether models without a known price may be used under a budget"`
}
