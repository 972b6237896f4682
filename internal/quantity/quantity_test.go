package quantity

import "testing"

func TestParse(t *testing.T) {
	good := map[string]int64{
		"0": 0, "1": 1, "1048576": 1 << 20, "512MiB": 512 << 20, "512M": 512 << 20, "2G": 2 << 30,
		"1.5G": 3 << 29, "7k": 7 << 10, "1T": 1 << 40, "100b": 100,
	}
	for in, want := range good {
		if got, err := Parse(in); err != nil || got != want {
			t.Errorf("Parse(%q) = %d, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "G", "-1", "+1", "1e3", "2 G", " 2G", "2G\n", "2X", "2GG", "NaN", "inf", "0x10", "1,5G",
		"99999999999999999999", "99999999999T", "1.2.3G",
	} {
		if got, err := Parse(in); err == nil {
			t.Errorf("Parse(%q) = %d, want an error", in, got)
		}
	}
}

// What counts by 1000 in one program and by 1024 in another is refused, and the line says what to write instead.
func TestParseRefusesSI(t *testing.T) {
	for in, want := range map[string]string{
		"256MB": `"256MB": MB counts by 1000 in some programs and by 1024 in others: write 256MiB`,
		"1.5gb": `"1.5gb": GB counts by 1000 in some programs and by 1024 in others: write 1.5GiB`,
		"64Kb":  `"64Kb": KB counts by 1000 in some programs and by 1024 in others: write 64KiB`,
	} {
		if n, err := Parse(in); err == nil || err.Error() != want {
			t.Errorf("Parse(%q) = %d, %v; want %s", in, n, err, want)
		}
		if n, err := ParseRate(in + "/s"); err == nil || err.Error() != want {
			t.Errorf("ParseRate(%q) = %d, %v; want %s", in+"/s", n, err, want)
		}
	}
}

func TestParseOrNone(t *testing.T) {
	for in, want := range map[string]int64{"off": 0, "none": 0, "0": 0, "64MiB": 64 << 20} {
		got, err := ParseOrNone(in)
		if err != nil || got != want {
			t.Errorf("ParseOrNone(%q) = %d, %v; want %d", in, got, err, want)
		}
		if back, err := ParseOrNone(FormatOrNone(got)); err != nil || back != got {
			t.Errorf("%d is written %q, read back %d, %v", got, FormatOrNone(got), back, err)
		}
	}
	if n, err := ParseOrNone("no"); err == nil {
		t.Errorf("ParseOrNone of no size: %d", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"512MiB", "2G", "1.5T", "-1", "9e99", "18446744073709551616", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Parse(s)
		if err != nil {
			return
		}
		if n < 0 || n > Max {
			t.Fatalf("Parse(%q) = %d, outside 0 to Max", s, n)
		}
		// What Format writes is what Parse reads, to the four digits it keeps.
		back, err := Parse(Format(n))
		if err != nil || back < n-n/1000-1 || back > n+n/1000+1 {
			t.Fatalf("Parse(%q) = %d, written %q, read back %d, %v", s, n, Format(n), back, err)
		}
	})
}

func TestRate(t *testing.T) {
	for in, want := range map[string]int64{"off": 0, "0": 0, "10MiB": 10 << 20, "10MiB/s": 10 << 20, "1.5G/s": 3 << 29} {
		got, err := ParseRate(in)
		if err != nil || got != want {
			t.Errorf("ParseRate(%q) = %d, %v; want %d", in, got, err, want)
		}
		if back, err := ParseRate(FormatRate(got)); err != nil || back != got {
			t.Errorf("%d is written %q, read back %d, %v", got, FormatRate(got), back, err)
		}
	}
	for _, in := range []string{"", "/s", "on", "OFF", "-1", "10MiB/m", "10MiB/s/s", "10 MiB"} {
		if got, err := ParseRate(in); err == nil {
			t.Errorf("ParseRate(%q) = %d, want an error", in, got)
		}
	}
}
