package config

import "testing"

// TestEveryKeyIsDescribed: Reference refuses a key without a text; here no text is left of a key that is gone.
func TestEveryKeyIsDescribed(t *testing.T) {
	sections, err := Reference()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, s := range sections {
		for _, k := range s.Keys {
			name := k.Name
			if s.Name != "" {
				name = s.Name + "." + name
			}
			known[name] = true
		}
	}
	for name := range keyTexts {
		if !known[name] {
			t.Errorf("%s is described and is no key", name)
		}
	}
}
