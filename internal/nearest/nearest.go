// Package nearest finds what a misspelt name was meant to be. It is for the few names
// of a configuration; models, of which there are thousands, are looked for in
// internal/catalog.
package nearest

import "strings"

// To returns the candidate that was most likely meant by word, or "" when
// none is near. Case, hyphens and underscores don't count.
func To(word string, candidates []string) string {
	if len(word) > 64 {
		return ""
	}
	fold := strings.NewReplacer("_", "", "-", "", " ", "", ".", "")
	w := fold.Replace(strings.ToLower(word))
	best, bestAt := "", 1+max(1, len(w)/3)
	for _, c := range candidates {
		f := fold.Replace(strings.ToLower(c))
		at := distance(w, f)
		if len(w) >= 3 && strings.HasPrefix(f, w) {
			at = min(at, 1)
		}
		if at < bestAt {
			best, bestAt = c, at
		}
	}
	return best
}

// distance is the number of edits between two short words; exchanging two
// neighbouring letters counts as one.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
