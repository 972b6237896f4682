package server

import (
	"context"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/site"
	"github.com/logis-project/logis/internal/sshkey"
)

// Keys let the owner of a site in.
type Keys interface {
	Keys(name string) ([]sshkey.Key, error)
	AddKeys(ctx context.Context, name string, lines []string) (site.KeyChange, error)
	RemoveKeys(ctx context.Context, name string, which []string) (site.KeyChange, error)
}

type addKeysInput struct {
	Name string `path:"name" maxLength:"64"`
	Body api.KeysRequest
}

type removeKeysInput struct {
	Name string   `path:"name" maxLength:"64"`
	Key  []string `query:"key,explode" required:"true" minItems:"1" maxItems:"64" doc:"fingerprint or comment"`
}

type keysOutput struct{ Body []api.Key }

type keyChangeOutput struct{ Body api.KeyChange }

func (s *Server) listKeys(_ context.Context, in *named) (*keysOutput, error) {
	keys, err := s.engine.Keys(in.Name)
	if err != nil {
		return nil, fail(err)
	}
	return &keysOutput{keysOf(keys)}, nil
}

func (s *Server) addKeys(ctx context.Context, in *addKeysInput) (*keyChangeOutput, error) {
	return keyChange(s.engine.AddKeys(ctx, in.Name, in.Body.Keys))
}

func (s *Server) removeKeys(ctx context.Context, in *removeKeysInput) (*keyChangeOutput, error) {
	return keyChange(s.engine.RemoveKeys(ctx, in.Name, in.Key))
}

func keyChange(c site.KeyChange, err error) (*keyChangeOutput, error) {
	if err != nil {
		return nil, fail(err)
	}
	return &keyChangeOutput{api.KeyChange{
		Added: keysOf(c.Added), Changed: keysOf(c.Changed), Present: keysOf(c.Present), Removed: keysOf(c.Removed), Keys: keysOf(c.Left),
	}}, nil
}

func keysOf(keys []sshkey.Key) []api.Key {
	out := make([]api.Key, 0, len(keys))
	for _, k := range keys {
		out = append(out, api.Key{Fingerprint: k.Fingerprint, Type: k.Type, Bits: k.Bits, Comment: k.Comment, Options: list(k.Options), Line: k.Line})
	}
	return out
}
