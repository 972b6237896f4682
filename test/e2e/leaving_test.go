//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/logis-project/logis/api"
)

// TestLeavingClient has the client of each long operation die in the middle of it, without a word: what had been begun is
// undone, and the host is as it was. TestBuildEnds does the same to builds.
func TestLeavingClient(t *testing.T) {
	h := newHouse(t)
	h.logis(t, "create", "warm") // the first site leaves what the kernel keeps
	h.destroyAll(t)
	before := h.settled(t)

	t.Run("create", func(t *testing.T) {
		h.leave(t, "/v1/sites", `{"name":"alice"}`, func(p api.SiteProgress) bool { return p.Step == "container" })
		h.compare(t, before)
	})
	t.Run("import", func(t *testing.T) {
		archive, err := os.Open(required(t, "LOGIS_IMAGE"))
		if err != nil {
			t.Fatal(err)
		}
		defer archive.Close()
		client := h.command("image", "import", "-")
		in, err := client.StdinPipe()
		if err == nil {
			err = client.Start()
		}
		if err == nil {
			_, err = io.CopyN(in, archive, 16<<20)
		}
		if err == nil {
			err = poll(func() error {
				if drafts, _ := filepath.Glob(h.path("state/pool/drafts/import-*/rootfs/usr")); len(drafts) == 0 {
					return errors.New("nothing is unpacked yet")
				}
				return nil
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = client.Process.Kill()
		_ = client.Wait()
		h.compare(t, before)
	})
	t.Run("export", func(t *testing.T) {
		client := h.command("image", "export", "lemp", "-")
		out, err := client.StdoutPipe()
		if err == nil {
			err = client.Start()
		}
		if err == nil {
			_, err = io.CopyN(io.Discard, out, 1<<20)
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = client.Process.Kill()
		_ = client.Wait()
		h.compare(t, before)
	})
	t.Run("start of all", func(t *testing.T) {
		last := 2*runtime.NumCPU() + 1 // more than have their turn at the same time
		for i := range last + 1 {
			h.logis(t, "create", fmt.Sprintf("s%d", i), "--no-start", "--priority", fmt.Sprint(last-i))
		}
		begun := ""
		h.leave(t, "/v1/sites/start", `{"all":true}`, func(p api.SiteProgress) bool {
			begun = p.Site
			return p.Step == "container"
		})
		h.logis(t, "wait", begun, "--timeout", "90s") // it goes on
		for _, s := range h.sites(t) {
			if s.Name == begun && s.State != "running" || s.Name == fmt.Sprintf("s%d", last) && s.State != "stopped" {
				t.Errorf("%s is %s", s.Name, s.State)
			}
		}
		h.destroyAll(t)
		h.compare(t, before)
	})
}

func (h *house) sites(t *testing.T) (all []api.Site) {
	t.Helper()
	out, err := h.command("list", "--format", "json").Output()
	if err := errors.Join(err, json.Unmarshal(out, &all)); err != nil {
		t.Fatal(err)
	}
	return all
}

// leave posts to logisd, and hangs up at the first element that is the one.
func (h *house) leave(t *testing.T, path, body string, is func(api.SiteProgress) bool) {
	t.Helper()
	conn, err := net.Dial("unix", "/run/logis/logis.sock")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	req, err := http.NewRequest(http.MethodPost, "http://logisd"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", api.StreamType)
	req.Header.Set("Content-Type", "application/json")
	if err := req.Write(conn); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		t.Fatal(err)
	}
	for elements := json.NewDecoder(resp.Body); ; {
		var p api.SiteProgress
		if err := elements.Decode(&p); err != nil || p.Done != nil || p.Error != nil || p.End != nil {
			t.Fatalf("it ended with %+v, %v", p, err)
		}
		if is(p) {
			return
		}
	}
}
