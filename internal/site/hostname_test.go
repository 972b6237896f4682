package site

import (
	"errors"
	"strings"
	"testing"
)

func TestCanonicalDomain(t *testing.T) {
	for text, want := range map[string]string{
		"shop.example": "shop.example", "Shop.EXAMPLE": "shop.example", "shop.example.": "shop.example", "intranet": "intranet",
		"a--b.example": "a--b.example", "4chan.example": "4chan.example", "xn--bcher-kva.example": "xn--bcher-kva.example",
		"bücher.example": "xn--bcher-kva.example", "BÜCHER.example": "xn--bcher-kva.example", "例え.テスト": "xn--r8jz45g.xn--zckzah",
		strings.Repeat("ü", 20) + ".example": "xn--tdaaaaaaaaaaaaaaaaaaaa.example",
	} {
		if got, err := CanonicalDomain(text); got != want || err != nil {
			t.Errorf("CanonicalDomain(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
	for text, why := range map[string]string{
		"": "must have 1 to 253 characters", ".": "must have 1 to 253 characters", strings.Repeat("a.", 200) + "a": "must have 1 to 253",
		strings.Repeat("ü", 4000): "must have 1 to 253", "192.0.2.1": "is an IP address", "2001:db8::1": "is an IP address",
		"[2001:db8::1]": "is an IP address", "fe80::1%eth0": "is an IP address", "::ffff:192.0.2.1": "is an IP address",
		"127.1": "ends in a number", "0x7f.0x1": "ends in a number", "10": "ends in a number", "shop.example.8": "ends in a number",
		"http://shop.example/": "has a slash in it", "shop.example/blog": "has a slash in it", "shop.example:8080": "has a colon in it",
		"*.example": "has a * in it", "-shop.example": "must be labels", "shop-.example": "must be labels", "shop..example": "must be labels",
		"my_shop.example": "must be labels", "a b.example": "must be labels", "shop.example\n": "must be labels", "shop.example..": "must be labels",
		strings.Repeat("a", 64) + ".example": "must be labels", "xn--a.example": "IDNA", "shop\u202e.example": "IDNA", "\xff.example": "IDNA",
		"ⅷ.１２７": "ends in a number", "１９２.0.2.1": "ends in a number",
	} {
		got, err := CanonicalDomain(text)
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), why) {
			t.Errorf("CanonicalDomain(%q) = %q, %v, want ErrInvalid with %q", text, got, err, why)
		}
	}
}

// Whatever is taken can be routed, is not a number to a browser, and is the form of itself.
func FuzzCanonicalDomain(f *testing.F) {
	for _, seed := range []string{"shop.example", "BÜCHER.example.", "xn--bcher-kva.example", "ⅷ.１２７", "1.2.3.4", "ß.de", "a。b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := CanonicalDomain(text)
		if err != nil {
			return
		}
		if err := CheckDomain(d); err != nil || noDomain(d) != "" {
			t.Errorf("%q became %q: %v %q", text, d, err, noDomain(d))
		}
		if again, err := CanonicalDomain(d); again != d || err != nil {
			t.Errorf("%q became %q, and that %q, %v", text, d, again, err)
		}
	})
}
