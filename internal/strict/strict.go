// Package strict reads the TOML files of logis: an unknown key is an error, and every error is one line that names the key
// and the line. It is a leaf, used on the host and by PID 1 of every site, and knows no file of either.
package strict

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Unmarshal reads text over what v points to already holds.
func Unmarshal(text []byte, v any) error {
	return oneLine(toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(v))
}

func oneLine(err error) error {
	if unknown, ok := errors.AsType[*toml.StrictMissingError](err); ok && len(unknown.Errors) > 0 {
		row, _ := unknown.Errors[0].Position()
		return fmt.Errorf("line %d: unknown key %q", row, strings.Join(unknown.Errors[0].Key(), "."))
	}
	if wrong, ok := errors.AsType[*toml.DecodeError](err); ok {
		row, _ := wrong.Position()
		why := strings.TrimPrefix(wrong.Error(), "toml: ")
		if key := strings.Join(wrong.Key(), "."); key != "" { // none where the text is no TOML at all
			why = key + ": " + why
		}
		return fmt.Errorf("line %d: %s", row, why)
	}
	return err
}
