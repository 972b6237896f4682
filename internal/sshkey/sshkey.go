// Package sshkey reads public ssh keys as sshd does: the lines of authorized_keys, sshd(8), and files of them. It says what a key
// is, and whether the sshd of a site takes it. It must not read files, keep anything, or see a private key. It is a leaf.
package sshkey

import (
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"
)

// MaxLine bounds a line, in bytes.
const MaxLine = 8 << 10

// minRSA is the least that is taken of an RSA key, in bits: shorter ones can be broken, and newer sshds refuse them.
const minRSA = 2048

// Key is one line of authorized_keys.
type Key struct {
	Line        string   // as it was given, without the space around it
	Public      string   // type and key alone: what tells one key from another
	Type        string   // "ssh-ed25519"
	Bits        int      // of an RSA key; 0 where the type says it
	Fingerprint string   // "SHA256:…", as `ssh-keygen -l` prints it
	Comment     string   // what stands behind the key
	Options     []string // what stands before it, such as `from="192.0.2.0/24"`
}

// String names a key to its admin: fingerprint and comment.
func (k Key) String() string {
	if k.Comment == "" {
		return k.Fingerprint
	}
	return k.Fingerprint + " (" + k.Comment + ")"
}

// errNoKey is what is said of a line that is anything else.
var errNoKey = errors.New("not a public ssh key: give the line of a .pub file")

// types are those that sshd takes, and of others what to say.
func types() map[string]string {
	const certificate = "a certificate: give the key that was certified, or the certifier's with the option cert-authority"
	refused := map[string]string{"ssh-dss": "a DSA key, which sshd takes no more: make one with `ssh-keygen -t ed25519`"}
	for _, t := range []string{
		ssh.KeyAlgoED25519, ssh.KeyAlgoRSA, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
		ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256,
	} {
		refused[t] = ""
	}
	for _, t := range []string{
		"ssh-ed25519-cert-v01@openssh.com", "ssh-rsa-cert-v01@openssh.com", "ssh-dss-cert-v01@openssh.com",
		"ecdsa-sha2-nistp256-cert-v01@openssh.com", "ecdsa-sha2-nistp384-cert-v01@openssh.com", "ecdsa-sha2-nistp521-cert-v01@openssh.com",
		"sk-ssh-ed25519-cert-v01@openssh.com", "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
	} {
		refused[t] = certificate
	}
	return refused
}

// Parse reads one line. The error says, in words for the user, why sshd would not take it, or should not. A key that is whole and
// refused for its length or an option comes with the error: an earlier release may have taken it.
func Parse(line string) (Key, error) {
	line = strings.Trim(line, " \t\r\n")
	if len(line) > MaxLine || !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && unicode.IsControl(r) }) {
		return Key{}, errNoKey
	}
	known := types()
	kind, rest := field(line)
	var options []string
	if _, is := known[kind]; !is {
		before, behind, ok := pastOptions(line)
		if !ok {
			return Key{}, errNoKey
		}
		kind, rest = field(behind)
		if _, is := known[kind]; !is {
			return Key{}, errNoKey
		}
		options = splitOptions(before)
	}
	if why := known[kind]; why != "" {
		return Key{}, errors.New(why)
	}
	key, err := decode(kind, rest)
	if key.Public == "" {
		return Key{}, err
	}
	key.Line, key.Options = line, options
	for _, o := range options {
		if err == nil {
			err = checkOption(o)
		}
	}
	return key, err
}

// decode reads a key of a type, and the comment behind it.
func decode(kind, rest string) (Key, error) {
	text, comment := field(rest)
	blob, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return Key{}, errNoKey
	}
	public, err := ssh.ParsePublicKey(blob)
	if err != nil || public.Type() != kind {
		return Key{}, errors.New("not a whole public ssh key: part of its line is missing or was changed")
	}
	key := Key{Public: kind + " " + text, Type: kind, Fingerprint: ssh.FingerprintSHA256(public), Comment: comment}
	if c, ok := public.(ssh.CryptoPublicKey); ok && kind == ssh.KeyAlgoRSA {
		if r, ok := c.CryptoPublicKey().(*rsa.PublicKey); ok {
			key.Bits = r.N.BitLen()
		}
		if key.Bits < minRSA {
			return key, fmt.Errorf("an RSA key of %d bits, which is too short to be safe: make one with `ssh-keygen -t ed25519`", key.Bits)
		}
	}
	return key, nil
}

// field cuts the first word off, and the space around it.
func field(s string) (first, rest string) {
	s = strings.TrimLeft(s, " \t")
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return s[:i], strings.Trim(s[i:], " \t")
	}
	return s, ""
}
