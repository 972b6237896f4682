package config

// sectionTexts say what a section is about, where its keys alone do not.
var sectionTexts = map[string]string{
	"network": "The sites' own addresses, and whom they reach. logisd does not start where the subnets overlap a network that the host has a route to, or those of " +
		"another instance: take others.",
	"proxy": "Where logis-proxy listens: \":80\", \"192.0.2.1:8080\", \"[2001:db8::1]:80\".",
	"defaults": "What a site gets whose creator does not say otherwise; `logis create` has a flag for each. Values that no site could be made with keep both daemons from " +
		"starting. Those that this machine is too small for, and an image that is not there yet, are warned of in the log of logisd and by `logis doctor`.",
}

// keyTexts describe every key. A test asks that there is one for each, and none for a key that is gone.
var keyTexts = map[string]string{
	"instance":  "Prefix of the bridge, the nftables tables, the cgroups and the veths: two instances can share a host. 1 to 8 of a-z and 0-9, a letter first.",
	"state_dir": "What must survive a reboot: the records of the sites, the pool's loop file, the proxy's routes.",
	"run_dir":   "What need not. The API's socket is logis.sock in it.",
	"base_domain": "The site alice answers at alice.<base_domain>. *.localhost is the machine itself in every browser. Where a change of it gives two sites one " +
		"domain, that leads to the site that was made first, and the other does without it.",
	"public_host": "The host name printed in ssh lines; empty is this machine's own.",
	"first_id": "The first of the host's user and group ids that sites are given, 65,536 for each address of network.subnet4. They must be nobody else's.\n\n" +
		"No site is given ids that an account of /etc/passwd, /etc/group, /etc/subuid or /etc/subgid has. While there are no sites, logisd does not start where " +
		"an account has one of the range: set first_id. With sites it starts, and warns in its log and in `logis doctor`. It never starts where another instance " +
		"on this host has claimed one: give that another first_id, and a subnet4 so small that its range ends before this one's begins. It cannot be changed while there are sites.",
	"pool.path":       "A directory on an existing btrfs file system; empty is a loop file, pool.img in state_dir.",
	"pool.size":       "Size of the loop file. It is sparse: it takes from the disk what is stored in it.",
	"network.subnet4": "The sites' IPv4 addresses come from it.",
	"network.subnet6": "The sites' IPv6 addresses come from it.",
	"network.links": "Groups of sites that reach each other by their private addresses, such as [[\"alice\", \"bob\"], [\"bob\", \"carol\"]]: here alice and carol do not. Each " +
		"finds the other's address in `logis show`. A name may be of a site that is yet to come. A link that is taken out of the file ends with the restart of logisd, open connections too.",
	"network.smtp": "Whether sites may deliver mail by themselves, to port 25 of other machines. Mail by way of a provider, on ports 465 and 587, always may leave.",
	"ssh.ports": "The ports of the host that are redirected to the sites' sshd, one a site. They must not have a port of the proxy among them, nor one of another instance. " +
		"Where the host's own connections take theirs from the same range (net.ipv4.ip_local_port_range), `logis doctor` warns.",
	"proxy.http":    "Plain HTTP.",
	"proxy.https":   "HTTPS. Not opened while tls.mode is \"off\".",
	"tls.mode":      "\"off\" is the only mode of this release.",
	"tls.email":     "Not used in mode \"off\".",
	"tls.directory": "URL of the ACME directory; empty is the library's default. Not used in mode \"off\".",
	"tls.ca_root":   "A further root certificate for that directory. Not used in mode \"off\".",
	"metrics.listen": "Where programs such as Prometheus may read what the daemon and the sites do, beside the socket RUN_DIR/metrics.sock: an address and a port, such as " +
		"\"127.0.0.1:9783\". Who reaches it reads the names of all sites and what each uses, and can change nothing. Where the address cannot be opened, logisd says so " +
		"in its log and tries on.",
	"metrics.group":         "The group that may read the socket beside root; empty is logis. To be in this one is no right to use logis(1).",
	"defaults.image":        "The image it is made from.",
	"defaults.memory":       "Memory of all its processes. Sizes are written \"512MiB\", \"512M\" or \"2G\"; all are powers of 1024.",
	"defaults.swap":         "On top of memory; \"off\" is none. On a machine that has none, nothing of it can be used.",
	"defaults.disk":         "For files and database together.",
	"defaults.cpus":         "Processors; 0.5 is half of one.",
	"defaults.pids":         "Processes and threads at once.",
	"defaults.cpu_weight":   "Its share of the processors where several sites want more than there is, 1 to 10000.",
	"defaults.io_weight":    "Its share of the disk where several sites want more than there is, 1 to 10000.",
	"defaults.io_bandwidth": "Disk bytes a second, of reads and of writes, such as \"20MiB\", at least 1MiB; \"off\" is no limit.",
	"defaults.bandwidth":    "Network bytes a second, each way, such as \"5MiB\", at least 64KiB; \"off\" is no limit.",
	"defaults.open_files":   "Open files of each process, 256 to 1048576.",
	"defaults.log_size":     "Log of each service on disk, 64KiB to 1GiB.",
}
