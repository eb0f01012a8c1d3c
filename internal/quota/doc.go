// Package quota counts what is used of that which providers give for nothing, and
// says how much of it is left.
//
// A [Tracker] counts requests and tokens for each model or account, as the vendor
// does (see [catalog.Counting]), in the last minute and in the day. An attempt is
// counted when it is sent, so that many at once can't use more than there is, and
// corrected when it ends: by what it used, by the limits that its answer tells,
// and by a refusal. What answers tell beats what is configured, and that what the
// catalog knows. The keys of one account are taken to share what is free.
//
// It starts with nothing used; [Tracker.Spent] tells it what the books know of
// the time before. What is tracked is bounded; the longest unused is forgotten.
package quota
