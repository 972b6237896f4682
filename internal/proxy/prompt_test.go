package proxy

import "testing"

// A session that the kernel can not put before others is no reason to say a word.
func TestGoBefore(t *testing.T) {
	for name, file := range map[string]string{
		"no autogroup": "/proc/self/no-autogroup",
		"EINVAL":       "/proc/self/coredump_filter", // refuses "-10" as the autogroup of no session does
	} {
		t.Run(name, func(t *testing.T) {
			if err := goBefore(file); err != nil {
				t.Error(err)
			}
		})
	}
	if err := goBefore("/proc/self"); err == nil {
		t.Error("a directory: no error")
	}
}
