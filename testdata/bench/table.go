package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// A metric is a column of a table.
type metric struct {
	title  string
	format string // of a value
	scale  float64
	less   bool // less is better
}

// A table collects the values of a measurement: one for each metric, case, program and
// round. The zero table is not usable; the fields must be set.
type table struct {
	cases   string // title of the first column
	base    string // the program that others are compared with
	inverse bool   // ratios say how the programs compare with base, not base with them
	metrics []metric
	rows    []*row
}

type row struct {
	what, who string
	values    [][]float64 // by metric, then by round
}

// add adds the values of one turn, in the order of the metrics.
func (t *table) add(what, who string, values ...float64) {
	r := t.row(what, who)
	if r == nil {
		r = &row{what, who, make([][]float64, len(t.metrics))}
		t.rows = append(t.rows, r)
	}
	for i, v := range values {
		r.values[i] = append(r.values[i], v)
	}
}

func (t *table) row(what, who string) *row {
	for _, r := range t.rows {
		if r.what == what && r.who == who {
			return r
		}
	}
	return nil
}

// print writes the table. A spread is the least and the greatest value. A ratio above 1
// says that base is better, or with inverse, that the program is.
func (t *table) print(w io.Writer) {
	head := []string{t.cases, "program"}
	for _, m := range t.metrics {
		head = append(head, m.title, "spread", "ratio")
	}
	fmt.Fprintf(w, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	what := ""
	for _, r := range t.ordered() {
		cells := []string{r.what, r.who}
		if r.what == what {
			cells[0] = ""
		}
		what = r.what
		for i, m := range t.metrics {
			scale := m.scale
			if scale == 0 {
				scale = 1
			}
			v := r.values[i]
			if len(v) == 0 {
				cells = append(cells, "–", "–", "–")
				continue
			}
			ratio := "–"
			if base := t.row(r.what, t.base); base != nil && base != r {
				// Without S3, both made no request, and 0 to 0 is no ratio.
				if x := compare(base.values[i], v, m.less != t.inverse); !math.IsNaN(x) {
					ratio = fmt.Sprintf("%.2f", x)
				}
			}
			format := func(x float64) string { return grouped(fmt.Sprintf(m.format, x*scale)) }
			cells = append(cells, format(median(v)), format(slices.Min(v))+"–"+format(slices.Max(v)), ratio)
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
	}
}

// ordered returns the rows by case, in the order in which the cases were first added, and
// within a case in the order of programs, which rounds in reverse order do not change.
func (t *table) ordered() []*row {
	var list []*row
	done := map[string]bool{}
	for _, r := range t.rows {
		if done[r.what] {
			continue
		}
		done[r.what] = true
		for _, s := range t.rows {
			if s.what == r.what {
				list = append(list, s)
			}
		}
	}
	return list
}

// compare returns the median of the ratios of the rounds, a to b, or with inverse, b to a.
func compare(a, b []float64, inverse bool) float64 {
	var ratios []float64
	for i := range min(len(a), len(b)) {
		if inverse {
			ratios = append(ratios, b[i]/a[i])
		} else {
			ratios = append(ratios, a[i]/b[i])
		}
	}
	return median(ratios)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// grouped puts a comma between groups of three digits before the point.
func grouped(number string) string {
	whole, rest, _ := strings.Cut(number, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	return whole
}
