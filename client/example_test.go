package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/client"
	"github.com/logis-project/logis/internal/frame"
	"github.com/logis-project/logis/internal/server"
	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

// socket is where the examples find a logisd: TestMain serves the API there, without a host behind it. Elsewhere it is
// client.DefaultSocket.
var socket string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "logis-client")
	if err != nil {
		panic(err) //nolint:forbidigo // no test is there yet to fail
	}
	socket = filepath.Join(dir, "logis.sock")
	e := servertest.New()
	e.Put(servertest.StatusOf("alice", site.Running))
	e.Session = func(_ context.Context, _ string, inside net.Conn, _ any) {
		out := frame.NewWriter(inside)
		_ = out.Write(frame.Stdout, []byte("hello from inside\n"))
		_ = out.Write(frame.Exit, []byte{3})
		_, _ = io.Copy(io.Discard, inside) // until the client hangs up
	}
	stop, err := servertest.Listen(socket, server.Options{Engine: e, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err) //nolint:forbidigo // no test is there yet to fail
	}
	code := m.Run()
	_ = stop()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func Example() {
	c := client.New(socket) // client.DefaultSocket, where logisd has its default configuration
	defer c.Close()

	s, err := c.Create(context.Background(), api.CreateRequest{
		Name:    "bob",
		SSHKeys: []string{"ssh-ed25519 AAAA… bob@laptop"},
		Limits:  api.LimitsRequest{MemoryBytes: 256 << 20},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Name, "is", s.State, "at", s.URLs[0])
	fmt.Printf("ssh -p %d %s@%s\n", s.SSH.Port, s.SSH.User, s.SSH.Host)

	if err := c.Destroy(context.Background(), "bob"); err != nil {
		fmt.Println(err)
	}
	// Output:
	// bob is running at http://bob.localhost/
	// ssh -p 22001 bob@h
}

// What went wrong is told by errors.Is; the error itself says it to a person.
func Example_errors() {
	c := client.New(socket)
	defer c.Close()

	_, err := c.Site(context.Background(), "nobody")
	fmt.Println(errors.Is(err, client.ErrNotFound), err)

	_, err = c.Create(context.Background(), api.CreateRequest{Name: "alice"})
	fmt.Println(errors.Is(err, client.ErrConflict), err)

	_, err = client.New("/nowhere/logis.sock").Sites(context.Background())
	fmt.Println(errors.Is(err, client.ErrUnreachable))

	// All that the daemon says of an error is in its api.Error, problem details of RFC 9457.
	_, err = c.Create(context.Background(), api.CreateRequest{Name: "bob", Limits: api.LimitsRequest{PIDs: -1}})
	if problem, ok := errors.AsType[*api.Error](err); ok {
		fmt.Println(problem.Status, problem.Title)
	}
	// Output:
	// true no such site
	// true a site of that name exists
	// true
	// 422 The request is wrong
}

func ExampleClient_Sites() {
	c := client.New(socket)
	defer c.Close()

	sites, err := c.Sites(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range sites {
		fmt.Println(s.Name, s.State, s.Limits.MemoryBytes>>20, "MiB")
	}
	// Output:
	// alice running 512 MiB
}

// What goes on is told while it does.
func ExampleClient_Create() {
	c := client.New(socket)
	defer c.Close()

	s, err := c.Create(context.Background(), api.CreateRequest{Name: "carol"}, func(p api.SiteProgress) {
		fmt.Println(p.Site, p.Step, p.Waiting)
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Name, "is", s.State)
	if err := c.Destroy(context.Background(), "carol"); err != nil {
		fmt.Println(err)
	}
	// Output:
	// carol services [nginx mariadb]
	// carol is running
}

// Several sites are one request. What one of them fails of is told, and keeps no other from its turn.
func ExampleClient_RestartSites() {
	c := client.New(socket)
	defer c.Close()

	end, err := c.RestartSites(context.Background(), api.SitesRequest{Names: []string{"nobody", "alice"}}, func(p api.SiteProgress) {
		switch {
		case p.Error != nil:
			fmt.Println(p.Site+":", p.Error)
		case p.Done != nil:
			fmt.Println(p.Site, "is", p.Done.State)
		}
	})
	fmt.Println(end.Sites, "sites,", end.Failed, "failed", err)
	// Output:
	// nobody: no such site
	// alice is running
	// 2 sites, 1 failed <nil>
}

func ExampleClient_BuildImage() {
	c := client.New(socket)
	defer c.Close()

	// The build ends, and leaves nothing, when ctx does.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	image, err := c.BuildImage(ctx, "lemp", func(p api.Progress) {
		fmt.Printf("[%d/%d] %s\n", p.Index, p.Total, p.Step)
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(image.Name, "has", image.Packages, "packages")
	// Output:
	// [1/2] debootstrap
	// [2/2] scrub
	// lemp has 200 packages
}

func ExampleClient_Exec() {
	c := client.New(socket)
	defer c.Close()

	session, err := c.Exec(context.Background(), "alice", api.ExecRequest{Command: []string{"uname", "-a"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()
	var out strings.Builder
	status, err := session.Wait(&out, io.Discard)
	fmt.Print(out.String())
	fmt.Println("status", status, err)
	// Output:
	// hello from inside
	// status 3 <nil>
}
