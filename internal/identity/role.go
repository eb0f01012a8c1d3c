package identity

import "slices"

// Role says what the holder of a key may do.
type Role string

// The roles, from most to least. An unknown role may do nothing.
const (
	Operator Role = "operator" // everything in the installation
	Admin    Role = "admin"    // everything inside of the org
	Member   Role = "member"   // uses models; sees its own work
	Viewer   Role = "viewer"   // the org's aggregates; no prompts, no keys
)

// Action is something that not every role may do.
type Action int

// What roles may do. "Own" is of the key's user, "org" of the key's org; what
// is said of an org never reaches another one.
const (
	// UseModels: generation, embeddings, counting tokens, listing models.
	UseModels Action = iota
	// SeeOwnWork: own turns, sessions and usage.
	SeeOwnWork
	// SeeOrgUsage: the org's aggregates, without prompts and single turns.
	SeeOrgUsage
	// SeeOrgTurns: all turns and sessions of the org.
	SeeOrgTurns
	// ManageOwnKeys: make and revoke keys of one's own user.
	ManageOwnKeys
	// ManageOrg: users, keys, workloads, aliases, limits and providers of the org.
	ManageOrg
	// ActForUser: have a turn accounted to another user of the org (X-Oido-User).
	ActForUser
	// Operate: orgs, shared providers, settings, operations; metrics without a
	// port of their own.
	Operate
)

// may is the one table of who may do what. Each role's line is whole: nothing
// is inherited.
var may = map[Role][]Action{
	Operator: {UseModels, SeeOwnWork, SeeOrgUsage, SeeOrgTurns, ManageOwnKeys, ManageOrg, ActForUser, Operate},
	Admin:    {UseModels, SeeOwnWork, SeeOrgUsage, SeeOrgTurns, ManageOwnKeys, ManageOrg, ActForUser},
	Member:   {UseModels, SeeOwnWork, ManageOwnKeys},
	Viewer:   {SeeOrgUsage},
}

// May says whether the role may do that.
func (r Role) May(a Action) bool { return slices.Contains(may[r], a) }

// Valid says whether the role is one of the four.
func (r Role) Valid() bool { _, ok := may[r]; return ok }
