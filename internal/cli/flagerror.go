package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/logis-project/logis/internal/near"
)

// flagError says what is wrong with a flag in the words of the command line instead of those of the library.
func flagError(cmd *cobra.Command, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return unknownFlag(cmd, unknown)
	}
	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return usage(cmd, "--%s needs a value", missing.GetFlag().Name)
	}
	wrong, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return usage(cmd, "%v", err)
	}
	flag, value := wrong.GetFlag(), wrong.GetValue()
	why := errors.Unwrap(wrong).Error()
	if strings.HasPrefix(why, `"`) { // it names the value itself
		return usage(cmd, "--%s: %s", flag.Name, why)
	}
	switch flag.Value.Type() {
	case "bool":
		return usage(cmd, "--%s takes no value, and got %.60q", flag.Name, value)
	case "int":
		why = "must be a whole number"
	case "duration":
		why = "must be a duration such as 30s or 2m"
	}
	return usage(cmd, "--%s %s, not %.60q", flag.Name, why, value)
}

func unknownFlag(cmd *cobra.Command, e *pflag.NotExistError) error {
	name := e.GetSpecifiedName()
	if short := e.GetSpecifiedShortnames(); short != "" {
		// "-memory" is read as -m, -e and so on.
		if cmd.Flags().Lookup(short) != nil {
			return usage(cmd, "unknown flag -%.60s (did you mean --%s?)", short, short)
		}
		return usage(cmd, "unknown flag -%.60s", name)
	}
	var flags []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			flags = append(flags, "--"+f.Name)
		}
	})
	return usage(cmd, "unknown flag --%.60s%s", name, near.Hint("--"+name, flags))
}
