// Package catalog knows models: windows, abilities, prices, tiers, end dates.
//
// Facts come from three sources that are joined in one immutable [View]: the
// embedded snapshot (catalog.json, with its NOTICE), the live lists of the
// connected accounts, and models declared by hand; the later beats the earlier.
// A fact that no source tells is absent, never zero: an unknown price makes the
// cost unknown. The package does no I/O and knows no clock; whoever asks about
// time brings it.
package catalog
