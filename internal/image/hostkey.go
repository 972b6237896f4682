package image

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// hostKey is an ssh host key in the forms that sshd reads.
type hostKey struct {
	kind    string // "ed25519" or "ecdsa"
	private []byte // OpenSSH's PEM
	public  []byte // one line
}

// newHostKeys makes the host keys of one site. RSA is left out: it costs the most and adds nothing.
func newHostKeys(comment string) ([]hostKey, error) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make ed25519 host key: %w", err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make ecdsa host key: %w", err)
	}
	var keys []hostKey
	for _, k := range []struct {
		kind   string
		signer crypto.Signer
	}{{"ed25519", ed}, {"ecdsa", ec}} {
		block, err := ssh.MarshalPrivateKey(k.signer, comment)
		if err != nil {
			return nil, fmt.Errorf("encode %s host key: %w", k.kind, err)
		}
		public, err := ssh.NewPublicKey(k.signer.Public())
		if err != nil {
			return nil, fmt.Errorf("encode %s host key: %w", k.kind, err)
		}
		line := ssh.MarshalAuthorizedKey(public)
		line = append(line[:len(line)-1], " "+comment+"\n"...)
		keys = append(keys, hostKey{k.kind, pem.EncodeToMemory(block), line})
	}
	return keys, nil
}
