package container

import "testing"

func TestHost(t *testing.T) {
	h, err := (&Runtime{}).Host()
	if err != nil {
		t.Fatal(err)
	}
	if h.Memory < 64<<20 || h.Swap < 0 || h.CPUs < 1 || h.Tasks < 300 || h.OpenFiles < 256 {
		t.Errorf("this machine has %+v", h)
	}
}
