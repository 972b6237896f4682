//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// What Carol chooses and writes.
const (
	blogTitle    = "Carol's stones"
	blogUser     = "carol"
	blogPassword = "quartz & mica, 1887!"
	postTitle    = "A stone from the brook"
)

// blog is what a browser shows of a WordPress, through the proxy.
type blog struct {
	*browser
	base    string // "http://carol.example.org"
	picture []byte // a PNG
}

// browse opens a person's WordPress in a browser that has not been there before.
func (s *bareServer) browse(t *testing.T, person string) *blog {
	t.Helper()
	return &blog{browser: newBrowser(t), base: "http://" + person + ".example.org", picture: stone(t)}
}

// stone is the picture of the post, the same each time.
func stone(t *testing.T) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 800, 600))
	for y := range 600 {
		for x := range 800 {
			m.Set(x, y, color.RGBA{R: uint8(x * y >> 8), G: uint8(x ^ y), B: uint8(y), A: 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// install goes through the web installer.
func (b *blog) install() error {
	p, err := b.get(b.base + "/wp-admin/install.php")
	if err != nil {
		return err
	}
	if p.field("language") != nil && p.field("weblog_title") == nil { // it asks for a language first, where it can fetch others
		if p, err = b.submit(p, "language", nil); err != nil {
			return err
		}
	}
	p, err = b.submit(p, "weblog_title", url.Values{
		"weblog_title": {blogTitle}, "user_name": {blogUser}, "admin_email": {"carol@example.org"},
		"admin_password": {blogPassword}, "admin_password2": {blogPassword},
	})
	if err != nil {
		return err
	}
	if !strings.Contains(p.text(), "WordPress has been installed") {
		return fmt.Errorf("the installer says: %s", p.text())
	}
	return nil
}

// logIn types name and password.
func (b *blog) logIn() error {
	p, err := b.get(b.base + "/wp-login.php")
	if err != nil {
		return err
	}
	if p, err = b.submit(p, "log", url.Values{"log": {blogUser}, "pwd": {blogPassword}}); err != nil {
		return err
	}
	if !strings.Contains(p.text(), "Dashboard") {
		return fmt.Errorf("after the login it says: %s", p.text())
	}
	return nil
}

// write uploads the picture and publishes a post with it, by the requests that the editor makes.
func (b *blog) write() error {
	if err := b.logIn(); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	nonce, err := b.body(http.MethodGet, b.base+"/wp-admin/admin-ajax.php?action=rest-nonce", nil, nil)
	if err != nil {
		return fmt.Errorf("ask for a nonce: %w", err)
	}
	var media struct {
		ID     int
		Source string `json:"source_url"`
	}
	header := http.Header{
		"X-Wp-Nonce": {string(nonce)}, "Content-Type": {"image/png"}, "Content-Disposition": {`attachment; filename="stone.png"`},
	}
	if err := b.rest("/wp/v2/media", header, b.picture, &media); err != nil {
		return fmt.Errorf("upload the picture: %w", err)
	}
	text, err := json.Marshal(map[string]string{
		"title": postTitle, "status": "publish",
		"content": fmt.Sprintf("<!-- wp:image {\"id\":%d} --><figure class=\"wp-block-image\"><img src=%q alt=\"a stone\"/></figure>"+
			"<!-- /wp:image --><!-- wp:paragraph --><p>It is from the brook behind the mill.</p><!-- /wp:paragraph -->", media.ID, media.Source),
	})
	if err != nil {
		return err
	}
	header = http.Header{"X-Wp-Nonce": {string(nonce)}, "Content-Type": {"application/json"}}
	var post struct{ Status string }
	if err := b.rest("/wp/v2/posts", header, text, &post); err != nil {
		return fmt.Errorf("publish the post: %w", err)
	}
	if post.Status != "publish" {
		return fmt.Errorf("the post is %q", post.Status)
	}
	return b.read()
}

// rest makes a request of WordPress's REST API, and reads its answer.
func (b *blog) rest(route string, header http.Header, body []byte, into any) error {
	answer, err := b.body(http.MethodPost, b.base+"/index.php?rest_route="+url.QueryEscape(route), header, body)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

// read finds the post from the front page, as a visitor who is not logged in, and its picture, byte by byte.
func (b *blog) read() error {
	visitor := newBrowser(b.t)
	front, err := visitor.get(b.base + "/")
	if err != nil {
		return err
	}
	link := front.find("a", func(n *html.Node) bool { return strings.TrimSpace(textOf(n)) == postTitle })
	if link == nil {
		return fmt.Errorf("the front page has no post %q: %s", postTitle, front.text())
	}
	post, err := visitor.get(attribute(link, "href"))
	if err != nil {
		return err
	}
	shown := post.find("img", func(n *html.Node) bool { return attribute(n, "alt") == "a stone" })
	if shown == nil {
		return errors.New("the post has no picture")
	}
	got, err := visitor.body(http.MethodGet, attribute(shown, "src"), nil, nil)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, b.picture) {
		return fmt.Errorf("the picture of the post has %d bytes, and is not the one of %d that was uploaded", len(got), len(b.picture))
	}
	return nil
}
