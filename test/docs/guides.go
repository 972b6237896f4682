package docs

// Guides are the files of docs/ whose commands are run, one after another on one server.
func Guides() []string { return []string{"tutorial.md", "owner.md", "admin.md"} }
