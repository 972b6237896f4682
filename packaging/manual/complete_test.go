package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestShellsComplete has real shells read what is installed, and asks them what they would offer.
func TestShellsComplete(t *testing.T) {
	dir := t.TempDir()
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	// What stands in for logis offers sites; one of them tries to have the shell run something.
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	stand := "#!/bin/sh\n[ \"$1 $2\" = '__complete show' ] && printf 'alice\\nalbert\\n:4\\n'\n"
	if err := os.WriteFile(filepath.Join(bin, "logis"), []byte(stand), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, shell := range []struct{ name, file, script string }{
		{"bash", "logis.bash", `source /usr/share/bash-completion/bash_completion; source "$1"; COMP_WORDS=(logis show al) COMP_CWORD=2 COMP_LINE='logis show al' COMP_POINT=13 COMP_TYPE=9
			__start_logis; printf '%s\n' "${COMPREPLY[@]}"`},
		{"zsh", "_logis", `autoload -Uz compinit && compinit -u -D; zmodload zsh/zpty
			zpty z 'PS1= zsh -f -i'; zpty -w z "autoload -Uz compinit; compinit -u -D; source $1; compdef _logis logis"
			zpty -w z "zstyle ':completion:*' list-prompt ''; setopt list_ambiguous; bindkey '^I' complete-word"
			zpty -w -n z $'logis show al\t\t'; while zpty -r z line; do print -r -- "$line"; [[ $line = *albert* ]] && break; done`},
		{"fish", "logis.fish", `source $argv[1]; complete -C 'logis show al'`},
	} {
		t.Run(shell.name, func(t *testing.T) {
			if _, err := exec.LookPath(shell.name); err != nil {
				t.Skipf("there is no %s", shell.name)
			}
			args := []string{"-c", shell.script, shell.name, filepath.Join(dir, "completions", shell.file)}
			if shell.name == "fish" {
				args = []string{"-c", shell.script, filepath.Join(dir, "completions", shell.file)}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // one that offers nothing waits for more keys
			defer cancel()
			cmd := exec.CommandContext(ctx, shell.name, args...)
			cmd.WaitDelay = time.Second
			cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+dir, "TERM=dumb")
			out, err := cmd.Output()
			if err != nil {
				t.Logf("%s: %v", shell.name, err)
			}
			for _, want := range []string{"alice", "albert"} {
				if !strings.Contains(string(out), want) {
					t.Errorf("%s does not offer %s:\n%s", shell.name, want, out)
				}
			}
		})
	}
}
