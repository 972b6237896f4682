package probe

func int80(nr uint32) uint32
