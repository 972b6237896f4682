// Package entry is the way into a container: the two short lives of the logis-init binary before it becomes PID 1.
// `logis-init launch` runs on the host, clones the container's first process and ends, so that a container is never a
// child of logisd. `logis-init setup` is that process: it waits for its root and its Spec, mounts, sets sysctls, loads
// the seccomp filter, gives up capabilities and executes logis-init anew as PID 1. It trusts logisd and nothing that lies
// on the site's disk.
package entry

// Descriptors that launch and setup are started with.
const (
	channelFD = 3 // SOCK_SEQPACKET socket to logisd
	listenFD  = 4 // the control socket, listening
	binaryFD  = 5 // logis-init itself
)

// Launched is the first message on the channel, from launch; the pidfd comes with it (SCM_RIGHTS).
type Launched struct {
	PID int `json:"pid"` // in the host's PID namespace
}

// Failure is a message of launch or setup that could not go on. After a success there is no message: the channel closes.
type Failure struct {
	Error string `json:"error"`
}

// HandedDir is where a container sees what the host hands it, below its root.
const HandedDir = "run/logis/host"

// Spec is the message that lets setup go on. The root, with DataTarget the data volume, with Handed what the host hands it, and the
// files of View come with it as detached mounts (SCM_RIGHTS), in this order.
type Spec struct {
	Name       string   `json:"name"`        // site; its owner's login name; the host name inside
	DataTarget string   `json:"data_target"` // absolute path inside, "" for none
	Handed     bool     `json:"handed"`      // there is a mount for HandedDir
	Lay        []File   `json:"lay"`         // laid down where there is nothing yet
	View       []string `json:"view"`        // files of /proc and /sys that are mounted over, as paths below the root
	Resolver   []string `json:"resolver"`    // addresses for resolv.conf
	Filter     []byte   `json:"filter"`      // seccomp program: struct sock_filter, 8 bytes each, little endian
	Keep       []uint   `json:"keep"`        // capability numbers left in the bounding set
	OpenFiles  uint64   `json:"open_files"`  // of each process, soft and hard; 0 is the host's
	LogSize    int64    `json:"log_size"`    // bytes on disk of each service's log; 0 is PID 1's default
}

// File is a small text file of root's, that everybody may read.
type File struct {
	Path    string `json:"path"` // below the root
	Content string `json:"content"`
}

// MaxSpec bounds one message on the channel, in bytes.
const MaxSpec = 128 << 10

// maxMounts bounds what comes with a Spec; the kernel passes at most 253 descriptors at a time.
const maxMounts = 32
