package engine

import (
	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/lxcfs"
)

// guardView gives all running sites other files to see through what they have, whenever the lxcfs that serves them is
// another one. It ends with the engine.
func (e *Engine) guardView() {
	e.view.Watch(e.background, func() {
		for _, rec := range e.store.All() {
			if c := e.live(rec.Name()).snapshot().container; c != nil {
				e.renewView(rec.Name(), c)
			}
		}
	})
}

// renewView gives a running site what it lacks to see what it has. A site that cannot be given it runs on, and show tells.
func (e *Engine) renewView(name string, c *container.Container) {
	device := e.view.Device()
	if device == "" || c.Sees(device, lxcfs.Files()) {
		return // guardView comes with another server
	}
	err := c.Renew(e.view.Mounts)
	select {
	case <-c.Done():
		return
	default:
	}
	if err != nil {
		e.log.Warn("a site does not see what it has", "site", name, "error", err)
		return
	}
	e.log.Info("a site sees again what it has", "site", name)
}
