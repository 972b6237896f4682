package main

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for line, want := range map[string]string{
		"-list create":                      "",
		"-subjects logis,floor -list":       "",
		"create createe":                    `there is no part "createe": there are create, idle`,
		"-subjects logis,lcx create":        `there is no subject "lcx": there are floor, host`,
		"-subjects logis, -list":            `there is no subject ""`,
		"-rounds many":                      "invalid value",
		"create idle":                       "one part at a time",
		"-check -colour create":             "not defined: -colour",
		"-rounds 3 -list create idle -list": `there is no part "-list"`,
	} {
		t.Run(line, func(t *testing.T) {
			_, err := parse(strings.Fields(line))
			switch {
			case err == nil && want != "":
				t.Errorf("no error, want %q", want)
			case err != nil && (want == "" || !strings.Contains(err.Error(), want)):
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
}

// A value goes to the series of its measure, subject and number of sites, in the order of the rounds.
func TestRecorder(t *testing.T) {
	var r recorder
	r.add("list", "logis", "ms", 10, 4)
	r.add("list", "logis", "ms", 100, 9)
	r.add("list", "logis", "ms", 10, 5)
	if len(r.series) != 2 || len(r.series[0].Values) != 2 || r.series[0].Values[1] != 5 || r.series[1].X != 100 {
		t.Errorf("%+v", r.series)
	}
}
