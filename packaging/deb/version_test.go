package main

import (
	"os/exec"
	"testing"
)

// The versions of a project's life, in its order.
var life = []struct{ described, debian string }{
	{"0.1.0-dev", "0.1.0~dev"},
	{"0.1.0-rc.1", "0.1.0~rc.1"},
	{"0.1.0-rc.1-2-gabc1234", "0.1.0~rc.1+2.gabc1234"},
	{"0.1.0-rc.2", "0.1.0~rc.2"},
	{"0.1.0", "0.1.0"},
	{"0.1.0-dirty", "0.1.0+0.dirty"},
	{"0.1.0-9-gabc1234", "0.1.0+9.gabc1234"},
	{"0.1.0-10-g0000000", "0.1.0+10.g0000000"},
	{"0.1.0-10-g0000000-dirty", "0.1.0+10.g0000000.dirty"},
	{"0.1.1", "0.1.1"},
}

func TestDebianVersion(t *testing.T) {
	for _, v := range life {
		if got, err := debianVersion(v.described); got != v.debian || err != nil {
			t.Errorf("%s: %q, %v, want %q", v.described, got, err, v.debian)
		}
	}
	for _, wrong := range []string{"", "-dirty", "abc", "1.0_1", "1:1.0", "1.0 "} {
		if got, err := debianVersion(wrong); err == nil {
			t.Errorf("%q is taken as %q", wrong, got)
		}
	}
}

// What counts is how dpkg orders them: an upgrade must be one.
func TestDebianVersionOrder(t *testing.T) {
	dpkg, err := exec.LookPath("dpkg")
	if err != nil {
		t.Skip("no dpkg to compare with")
	}
	for i, v := range life[:len(life)-1] {
		if err := exec.Command(dpkg, "--compare-versions", v.debian, "lt", life[i+1].debian).Run(); err != nil {
			t.Errorf("%s is not before %s: %v", v.debian, life[i+1].debian, err)
		}
	}
}
