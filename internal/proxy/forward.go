package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// idleUpstreams bounds the idle connections to all sites together, so that 5,000 sites cannot use up the open files.
const idleUpstreams = 1024

// forwarder sends requests to sites. All sites share its transport and its buffers.
type forwarder struct {
	transport *http.Transport
	buffers   buffers
	log       *slog.Logger
}

func newForwarder(limits Limits, log *slog.Logger) *forwarder {
	dialer := &net.Dialer{
		Timeout: limits.Dial,
		// A visitor who waits for an answer that cannot come learns it by these: its site went without a goodbye, or the firewall
		// lost this connection, which they make known to it again. A kernel answers them however long the site takes for a page.
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 3 * time.Second, Interval: 2 * time.Second, Count: 3},
		Control:         giveUp,
	}
	return &forwarder{
		log: log,
		transport: &http.Transport{
			DialContext:           dialer.DialContext,
			DisableCompression:    true,
			MaxIdleConns:          idleUpstreams,
			MaxIdleConnsPerHost:   64,
			IdleConnTimeout:       30 * time.Second, // less than a site's web server keeps its end open
			ResponseHeaderTimeout: limits.Response,
			ExpectContinueTimeout: time.Second,
			// A site's answer is as little trusted as a visitor's request.
			MaxResponseHeaderBytes: 256 << 10,
		},
	}
}

// unheard is how long a site's kernel may leave what was sent to it without a word. Where it is gone with its address no other
// timeout is shorter than minutes: tcp(7) sends it again and again, and no keepalive meanwhile.
const unheard = 15 * time.Second

// giveUp sets TCP_USER_TIMEOUT.
func giveUp(_, _ string, conn syscall.RawConn) error {
	var opt error
	err := conn.Control(func(fd uintptr) {
		opt = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unheard.Milliseconds()))
	})
	return errors.Join(err, opt)
}

// to returns the proxy to one upstream, "address:port".
func (f *forwarder) to(site, upstream string) *httputil.ReverseProxy {
	var warned atomic.Int64 // Unix seconds of the last warning about this site
	return &httputil.ReverseProxy{
		Rewrite:    func(pr *httputil.ProxyRequest) { rewrite(pr, upstream) },
		Transport:  f.transport,
		BufferPool: &f.buffers,
		ErrorLog:   slog.NewLogLogger(f.log.Handler(), slog.LevelDebug),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			ex, ok := w.(*exchange)
			if !ok {
				panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to break off an answer
			}
			cause := ex.body.failure()
			switch {
			case cause == nil && !errors.Is(r.Context().Err(), context.Canceled):
				now, last := time.Now().Unix(), warned.Load()
				if now-last >= 10 && warned.CompareAndSwap(last, now) {
					f.log.Warn("site does not answer", "site", site, "upstream", upstream, "err", err)
				}
				ex.answer(r, notAnswering)
			case errors.Is(cause, os.ErrDeadlineExceeded):
				ex.answer(r, tooSlow)
			case cause != nil && r.Context().Err() == nil:
				ex.answer(r, badBody)
			default:
				ex.status = statusGone
				panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to break off an answer
			}
		},
	}
}

// rewrite makes the request to the site out of the visitor's. httputil has already removed the hop-by-hop headers.
func rewrite(pr *httputil.ProxyRequest, upstream string) {
	in, out := pr.In, pr.Out
	out.URL.Scheme, out.URL.Host = "http", upstream
	out.URL.RawQuery = in.URL.RawQuery // as the visitor sent it: httputil would drop what Go cannot parse
	out.Trailer = in.Trailer           // the same map: the server fills it when the body has ended

	for name := range out.Header {
		if forged(name) {
			delete(out.Header, name)
		}
	}
	proto := "http"
	if in.TLS != nil {
		proto = "https"
	}
	values := [3]string{visitor(in.RemoteAddr), in.Host, proto} // one allocation for three headers
	out.Header["X-Forwarded-For"] = values[0:1:1]
	out.Header["X-Forwarded-Host"] = values[1:2:2]
	out.Header["X-Forwarded-Proto"] = values[2:3:3]
}

// forged reports whether a header is one that only a proxy may set, or that does harm behind CGI. A "_" counts as "-",
// because CGI gives both the same variable.
func forged(name string) bool {
	if len(name) == 0 || (name[0]|0x20 != 'x' && name[0]|0x20 != 'f' && name[0]|0x20 != 'p') {
		return false
	}
	name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	return strings.HasPrefix(name, "x-forwarded") || name == "forwarded" || name == "x-real-ip" ||
		name == "proxy" // becomes HTTP_PROXY in CGI
}

// visitor returns the address of "address:port", without the zone of a link-local one.
func visitor(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	host, _, _ = strings.Cut(host, "%")
	return host
}

// bufferSize is what is read from a site at once, in bytes.
const bufferSize = 32 << 10

// buffers is the httputil.BufferPool of all sites.
type buffers struct{ pool sync.Pool }

// Get returns a buffer of bufferSize bytes.
func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return p[:]
	}
	return make([]byte, bufferSize)
}

// Put takes a buffer back.
func (b *buffers) Put(buf []byte) { b.pool.Put((*[bufferSize]byte)(buf)) }
