package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"
)

// Write keeps a result as DIR/PART.json, where an earlier one of that part may lie. A run that measures the same writes the same: the
// series are in the order of the tables, each on a line of its own, with numbers to a thousandth of their unit.
func Write(dir string, r Result) error {
	text, err := encode(r)
	if err != nil {
		return fmt.Errorf("encode the result of %s: %w", r.Part, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(dir, r.Part+".json"), text, 0o644)
}

func encode(r Result) ([]byte, error) {
	series := slices.Clone(r.Series)
	order(r.Part, series)
	r.Series = []Series{}
	r.Took = math.Round(r.Took)
	head, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	// What json can only do for all of a document or for none of it: the values of a series side by side.
	const none = "[]\n}"
	text := bytes.NewBuffer(bytes.TrimSuffix(head, []byte(none)))
	text.WriteString("[")
	for i, s := range series {
		values := make([]float64, len(s.Values))
		for j, v := range s.Values {
			values[j] = math.Round(v*1000) / 1000
		}
		s.Values = values
		line, err := json.Marshal(s)
		if err != nil {
			return nil, fmt.Errorf("%s of %s: %w", s.Measure, s.Subject, err)
		}
		if i > 0 {
			text.WriteString(",")
		}
		text.WriteString("\n    ")
		text.Write(line)
	}
	text.WriteString("\n  ]\n}\n")
	return text.Bytes(), nil
}

// Read returns what the files of a directory hold, in the order of the parts; nothing when there is no directory.
func Read(dir string) ([]Result, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var results []Result
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var r Result
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&r); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if r.Part+".json" != filepath.Base(path) {
			return nil, fmt.Errorf("read %s: it is of part %q", path, r.Part)
		}
		results = append(results, r)
	}
	slices.SortFunc(results, func(a, b Result) int {
		return cmp.Or(cmp.Compare(partOrder(a.Part), partOrder(b.Part)), cmp.Compare(a.Part, b.Part))
	})
	return results, nil
}
