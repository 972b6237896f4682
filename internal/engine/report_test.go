package engine

import (
	"bytes"
	"testing"

	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/site"
)

// FuzzReports is what a site's PID 1 may say of its services, were it the site's own: any bytes.
func FuzzReports(f *testing.F) {
	var whole, many bytes.Buffer
	_ = control.Write(&whole, control.Status{Ready: true, Services: []control.Service{{Name: "nginx", State: "running", Ready: true, PID: 7}}})
	_ = control.Write(&many, control.Status{Services: make([]control.Service, 2*maxListed)})
	f.Add(whole.Bytes())
	f.Add(append(many.Bytes(), whole.Bytes()...))
	f.Add([]byte("\x00\x00\x00\x04null\x00\x00\x00\x02[]"))
	f.Add([]byte("\xff\xff\xff\xff{}"))
	f.Add([]byte("\x00\x00\x00\x19{\"services\":[{\"pid\":1e99}]}"))
	f.Fuzz(func(t *testing.T, said []byte) {
		l := newLive()
		l.set(site.Starting, "")
		readStatuses(bytes.NewReader(said), func(status control.Status) {
			l.report(nil, status)
			s := l.snapshot()
			if len(s.services) > maxListed || s.ready != status.Ready || s.state != site.Running && s.state != site.Starting {
				t.Errorf("%d services, ready %v, %s", len(s.services), s.ready, s.state)
			}
		})
	})
}
