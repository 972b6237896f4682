package engine

import (
	"github.com/logis-project/logis/internal/event"
)

// guardRules brings the rules back whenever another program takes them away: without them sites are neither reached nor kept
// apart. It ends with the engine.
func (e *Engine) guardRules() {
	err := e.network.Watch(e.background, func() {
		e.log.Warn("another program deleted the nftables rules: they are loaded again")
		if err := e.ReloadNetwork(e.background); err != nil {
			e.log.Error("load the nftables rules again: run logis doctor --fix", "error", err)
			e.note(event.RulesLost, "", 0, "another program deleted the nftables rules, and they cannot be loaded again: %v", err)
			return
		}
		e.note(event.RulesRestored, "", 0, "another program deleted the nftables rules: they are loaded again")
	})
	if err != nil {
		e.log.Error("nobody watches the nftables rules: see logis doctor", "error", err)
	}
}
