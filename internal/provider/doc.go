// Package provider is one upstream account: where it is, how it is
// authenticated, which wire formats it speaks, what its models refuse, and which
// of its keys goes next.
//
// What differs between vendors is data in profiles, a file a type, each fact with
// its source, read by one piece of code; adding an OpenAI-like vendor needs no Go.
// An [Account] is safe for concurrent use and does no retries: it sends what it
// is given once and tells what came back. It knows nothing of routing, clients
// or turns.
package provider
