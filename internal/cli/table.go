package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/term"
)

// screen is where output goes. A terminal has a width and, unless NO_COLOR is set
// or it can't, colour; a pipe or a file has neither.
type screen struct {
	w      io.Writer
	width  int // columns; 0: no terminal, as wide as it takes
	colour bool
}

func screenOf(w io.Writer) screen {
	s := screen{w: w}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(f.Fd()) {
		return s
	}
	if width, _, err := term.GetSize(f.Fd()); err == nil {
		s.width = width
	}
	s.colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return s
}

// paint is how a text looks on a terminal with colour.
type paint string

const (
	plain  paint = ""
	bold   paint = "1"
	faint  paint = "2"
	red    paint = "31"
	green  paint = "32"
	yellow paint = "33"
)

func (s screen) paint(text string, p paint) string {
	if !s.colour || p == plain || text == "" {
		return text
	}
	return "\x1b[" + string(p) + "m" + text + "\x1b[0m"
}

// column is a column of a table.
type column struct {
	title string
	right bool // numbers
	// spare columns are left out where a terminal is too narrow, the greatest
	// number first; 0 stays.
	spare int
}

// cell is a text with its look.
type cell struct {
	text string
	look paint
}

// cellOf makes a cell of a value. Control characters could move a terminal's
// cursor, and names come from clients.
func cellOf(v any) cell {
	if c, ok := v.(cell); ok {
		c.text = printable(c.text)
		return c
	}
	return cell{text: printable(fmt.Sprint(v))}
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// table is lines of cells under titles.
type table struct {
	columns []column
	rows    [][]cell
}

func (t *table) row(values ...any) {
	cells := make([]cell, len(t.columns))
	for i, v := range values {
		cells[i] = cellOf(v)
	}
	t.rows = append(t.rows, cells)
}

// drop leaves a column out.
func (t *table) drop(i int) {
	t.columns = slices.Delete(t.columns, i, i+1)
	for n := range t.rows {
		t.rows[n] = slices.Delete(t.rows[n], i, i+1)
	}
}

// gap is what stands between columns.
const gap = "  "

// layout is which columns are shown and how wide; 0 is not.
func (t *table) layout(width int) []int {
	widths := make([]int, len(t.columns))
	for i, c := range t.columns {
		widths[i] = utf8.RuneCountInString(c.title)
		for _, r := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(r[i].text))
		}
		widths[i] = max(widths[i], 1)
	}
	if width <= 0 {
		return widths
	}
	for total(widths) > width {
		drop, most := -1, 0
		for i, c := range t.columns {
			if widths[i] > 0 && c.spare > most {
				drop, most = i, c.spare
			}
		}
		if drop < 0 {
			break
		}
		widths[drop] = 0
	}
	// What still doesn't fit is cut where it is longest, but for numbers.
	for over := total(widths) - width; over > 0; over = total(widths) - width {
		longest := -1
		for i, c := range t.columns {
			if !c.right && widths[i] > minCut && (longest < 0 || widths[i] > widths[longest]) {
				longest = i
			}
		}
		if longest < 0 {
			break
		}
		widths[longest] = max(widths[longest]-over, minCut)
	}
	return widths
}

// minCut is how much of a text is left at least.
const minCut = 8

func total(widths []int) int {
	n := -len(gap)
	for _, w := range widths {
		if w > 0 {
			n += w + len(gap)
		}
	}
	return n
}

// print writes the table.
func (t *table) print(s screen) error {
	widths := t.layout(s.width)
	titles := make([]cell, len(t.columns))
	for i, c := range t.columns {
		titles[i] = cell{c.title, bold}
	}
	err := t.line(s, widths, titles)
	for _, r := range t.rows {
		err = errors.Join(err, t.line(s, widths, r))
	}
	return err
}

func (t *table) line(s screen, widths []int, cells []cell) error {
	var b strings.Builder
	blank := 0 // what is owed before the next text, so that no line ends in blanks
	for i, c := range cells {
		if widths[i] == 0 {
			continue
		}
		text := c.text
		if s.width > 0 {
			text = cut(text, widths[i])
		}
		pad := max(widths[i]-utf8.RuneCountInString(text), 0)
		if t.columns[i].right {
			blank, pad = blank+pad, 0
		}
		if text != "" {
			b.WriteString(strings.Repeat(" ", blank))
			b.WriteString(s.paint(text, c.look))
			blank = 0
		}
		blank += pad + len(gap)
	}
	b.WriteByte('\n')
	_, err := io.WriteString(s.w, b.String())
	return err
}

func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	r := []rune(text)
	return string(r[:width-1]) + "…"
}
