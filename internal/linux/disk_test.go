package linux

import (
	"os"
	"strings"
	"testing"
)

// What lies on no block device has no disks; what does has whole ones, which sysfs knows.
func TestDisksOf(t *testing.T) {
	if disks, err := DisksOf("/proc"); err != nil || len(disks) > 0 {
		t.Errorf("the disks below /proc are %+v, %v", disks, err)
	}
	if _, err := DisksOf("/nonexistent"); err == nil {
		t.Error("the disks below nothing: no error")
	}
	disks, err := DisksOf("/")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range disks {
		number, err := os.ReadFile("/sys/block/" + d.Name + "/dev")
		if err != nil || strings.TrimSpace(string(number)) != d.Number {
			t.Errorf("disk %+v has the number %q, %v", d, number, err)
		}
		if bottom, err := d.Bottom(); err != nil || len(bottom) == 0 {
			t.Errorf("below %+v lie %+v, %v", d, bottom, err)
		}
	}
}
