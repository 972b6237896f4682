// Command standin is each of the daemons and the command line as far as packaging/demo sees them.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// up is there while logisd runs.
const up = "/run/logis-standin"

func main() {
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, syscall.SIGTERM, syscall.SIGUSR2)
	switch filepath.Base(os.Args[0]) {
	case "logis":
		if _, err := os.Stat(up); err != nil {
			os.Exit(1)
		}
		if slices.Contains(os.Args, "json") {
			fmt.Println(`{"name":"demo","state":"running","ssh":{"port":22001,"user":"demo"},"urls":["http://demo.localhost/"]}`)
		}
	case "logisd":
		if slices.Contains(os.Args, "--check") {
			config, err := os.ReadFile(os.Args[len(os.Args)-1])
			if err != nil || strings.Contains(string(config), "wrong") {
				fmt.Fprintln(os.Stderr, "logisd: wrong:", err)
				os.Exit(1)
			}
			return
		}
		if err := os.WriteFile(up, nil, 0o644); err != nil {
			os.Exit(1)
		}
		<-ends
		os.Remove(up)
	case "logis-proxy": // of a release that cannot hand its sockets on
		l, err := net.Listen("tcp", ":80")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		server := http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
		go func() { _ = server.Serve(l) }()
		<-ends
	}
}
