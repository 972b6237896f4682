package container

import (
	"slices"
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/google/go-cmp/cmp"

	tries "github.com/logis-project/logis/internal/probe"
)

// The proof tries every call that the filter refuses whatever its arguments, and no other: socket, socketpair and clone3
// have rows of their own.
func TestProofTriesWhatIsForbidden(t *testing.T) {
	f := newFilter(t)
	native, err := arch.GetInfo("")
	if err != nil {
		t.Fatal(err)
	}
	var refusedCalls []string
	for name, nr := range native.SyscallNames {
		if f.run(t, amd64, uint32(nr)) != allowed && !slices.Contains([]string{"socket", "socketpair", "clone3"}, name) {
			refusedCalls = append(refusedCalls, name)
		}
	}
	slices.Sort(refusedCalls)
	if diff := cmp.Diff(refusedCalls, tries.Forbidden()); diff != "" {
		t.Errorf("(-of the filter +of the proof):\n%s", diff)
	}
}
