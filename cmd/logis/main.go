// Command logis is the command line of logis: a pure client of logisd's socket.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/logis-project/logis/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second one ends the process at once
	os.Exit(cli.Run(ctx, os.Args[1:], cli.Terminal{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Socket: os.Getenv("LOGIS_SOCKET"), Term: os.Getenv("TERM"),
		NoColor: os.Getenv("NO_COLOR") != "",
	}))
}
