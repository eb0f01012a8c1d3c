// Package identity says who calls: orgs, users, keys and roles.
//
// It promises:
//
//   - [Directory.Lookup] answers from memory, in constant time, without a
//     lock, a database or an allocation; changes reach it as a whole.
//   - Only the SHA-256 of a key is kept. The text of a new key exists once, in
//     the hands of who made it. No error of this package holds one.
//   - What is remembered of names that clients send is bounded.
//
// The rules are functions of their arguments: which key a request carries
// ([FromRequest]), what a role may do ([Role.May]), under which Host a request
// without a key is served ([HostAllowed]).
//
// Left to others: storing keys ([KeyStore] says what is needed of a store),
// limits and budgets, and answering a refused request in its format.
package identity
