// Package health tells how models do at their accounts, from how attempts ended.
//
// A breaker stands before each (account, key, model): it opens when too many of the
// last attempts failed by the provider's fault, when the provider says how long to
// wait, or at once for minutes when the key is refused or has nothing left. After its
// time one attempt is let through; how that ends decides whether it closes or stays
// open for longer. Beside it run the usual time to the first token and the pace of
// answers. What is tracked is bounded; the longest unused is forgotten first.
package health
