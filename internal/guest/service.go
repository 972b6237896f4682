package guest

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/strict"
)

const (
	maxServiceFile     = 64 << 10 // bytes
	maxTimeout         = 10 * time.Minute
	defaultStopTimeout = 10 * time.Second
	defaultStartOrder  = 50
	defaultReady       = time.Minute
)

// validName says whether a service file may be called name, ".toml" taken off. The name becomes part of a path. No
// regexp: compiling one costs PID 1 half a millisecond at every start.
func validName(name string) bool {
	for i, c := range []byte(name) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if !letter && (i == 0 || !strings.ContainsRune("._@-", rune(c))) {
			return false
		}
	}
	return name != "" && len(name) <= 64
}

// Service is one service file; docs/services.md describes the keys.
type Service struct {
	Name        string            `toml:"-"`
	Exec        []string          `toml:"exec"`
	User        string            `toml:"user"`
	Needs       []string          `toml:"needs"`
	StartOrder  int               `toml:"start_order"`
	StartGrace  Duration          `toml:"start_grace"` // in it the service is not told to stop before it has answered; 0 is none
	StopOrder   int               `toml:"stop_order"`
	StopSignal  Signal            `toml:"stop_signal"`
	StopTimeout Duration          `toml:"stop_timeout"`
	Directories []Directory       `toml:"directories"`
	Environment map[string]string `toml:"environment"`
	Ready       Ready             `toml:"ready"`
}

// Directory is made, and given its owner and mode, before each start of the service.
type Directory struct {
	Path  string `toml:"path"`
	User  string `toml:"user"`  // "" is root
	Group string `toml:"group"` // "" is the user's own
	Mode  Mode   `toml:"mode"`
}

// Ready says how to see that the service answers; at most one of HTTP, Banner, MySQL and Command is set. With none and no Made,
// a service is ready as soon as it runs.
type Ready struct {
	HTTP    netip.AddrPort `toml:"http"`
	Banner  netip.AddrPort `toml:"banner"`
	MySQL   string         `toml:"mysql"` // path of its socket
	Command []string       `toml:"command"`
	User    string         `toml:"user"` // of MySQL and Command
	Path    string         `toml:"path"` // exists once it is worth asking; before, Command is not tried. "" is MySQL
	Made    string         `toml:"made"` // made or written once it answers: then it need not be asked, and before it is asked rarely
	Timeout Duration       `toml:"timeout"`
}

// Duration is written "1m30s".
type Duration time.Duration

// UnmarshalText parses a duration above zero and of at most ten minutes.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v <= 0 || v > maxTimeout {
		return fmt.Errorf("%q is not a duration such as 30s, of at most 10m", text)
	}
	*d = Duration(v)
	return nil
}

// Signal is written by its name without SIG: "TERM".
type Signal syscall.Signal

// UnmarshalText parses the name of a signal.
func (s *Signal) UnmarshalText(text []byte) error {
	n := unix.SignalNum("SIG" + string(text))
	if n == 0 {
		return fmt.Errorf("%q is not a signal such as TERM or QUIT", text)
	}
	*s = Signal(n)
	return nil
}

// Mode is written in octal: "0755".
type Mode uint32

// UnmarshalText parses an octal mode with the set-id and sticky bits.
func (m *Mode) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 8, 12)
	if err != nil {
		return fmt.Errorf("%q is not a mode such as 0755", text)
	}
	*m = Mode(n)
	return nil
}

// ParseService reads the text of the service file NAME.toml. "${owner}" becomes owner wherever the format allows it.
// The error is one line.
func ParseService(name string, text []byte, owner string) (Service, error) {
	s := Service{
		Name: name, StartOrder: defaultStartOrder, StopSignal: Signal(syscall.SIGTERM), StopTimeout: Duration(defaultStopTimeout),
		Ready: Ready{Timeout: Duration(defaultReady)},
	}
	if err := strict.Unmarshal(text, &s); err != nil {
		return Service{}, err
	}
	s.expand(strings.NewReplacer("${owner}", owner))
	if err := s.check(); err != nil {
		return Service{}, err
	}
	return s, nil
}

func (s *Service) expand(r *strings.Replacer) {
	all := func(list []string) {
		for i := range list {
			list[i] = r.Replace(list[i])
		}
	}
	all(s.Exec)
	all(s.Ready.Command)
	for _, f := range []*string{&s.User, &s.Ready.User, &s.Ready.Path, &s.Ready.Made, &s.Ready.MySQL} {
		*f = r.Replace(*f)
	}
	for i := range s.Directories {
		d := &s.Directories[i]
		d.Path, d.User, d.Group = r.Replace(d.Path), r.Replace(d.User), r.Replace(d.Group)
		if d.Mode == 0 {
			d.Mode = 0o755
		}
	}
	for k, v := range s.Environment {
		s.Environment[k] = r.Replace(v)
	}
}

func (s *Service) check() error {
	if len(s.Exec) == 0 || s.Exec[0] == "" {
		return errors.New("exec: is missing")
	}
	if err := s.Ready.check(); err != nil {
		return err
	}
	for _, d := range s.Directories {
		if !filepath.IsAbs(d.Path) || filepath.Clean(d.Path) == "/" {
			return fmt.Errorf("directories: %q is not an absolute path", d.Path)
		}
	}
	for k, v := range s.Environment {
		if k == "" || strings.ContainsAny(k, "=\x00") || strings.Contains(v, "\x00") {
			return fmt.Errorf("environment: %q cannot be set", k)
		}
	}
	return nil
}

func (r *Ready) check() error {
	asked := len(r.Command) > 0 || r.MySQL != ""
	kinds := 0
	for _, set := range []bool{r.HTTP.IsValid(), r.Banner.IsValid(), r.MySQL != "", len(r.Command) > 0} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return errors.New("ready: only one of http, banner, mysql and command can be set")
	case kinds == 0 && r.Path != "":
		return errors.New("ready: path belongs to http, banner, mysql or command")
	case r.Path != "" && r.Made != "":
		return errors.New("ready: only one of path and made can be set")
	case !asked && r.User != "":
		return errors.New("ready: user belongs to mysql and command")
	}
	for key, path := range map[string]string{"path": r.Path, "made": r.Made, "mysql": r.MySQL} {
		if path != "" && !filepath.IsAbs(path) {
			return fmt.Errorf("ready.%s: %q is not an absolute path", key, path)
		}
	}
	if r.MySQL != "" && r.Path == "" && r.Made == "" {
		r.Path = r.MySQL
	}
	return nil
}
