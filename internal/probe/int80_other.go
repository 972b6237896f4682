//go:build !amd64

package probe

import "golang.org/x/sys/unix"

// int80 answers as the filter would: there is no such gate here.
func int80(uint32) uint32 { return ^uint32(unix.EPERM) + 1 }
