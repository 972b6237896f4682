# What a hostile owner runs: perl -e "$(cat siege.pl)" PART... Each PART takes one thing to its limit and keeps it there. On
# standard output a line "PART edge WORDS" says once how far each has come. All of it ends when standard input does.
#   cpu=N              N processes that compute
#   memory=BYTES       takes memory until the kernel kills it, or BYTES are taken; again and again
#   pids=N             forks until the kernel refuses, or N live; then ends one for each new one
#   disk=DIR           fills the disk below DIR; then makes room and fills it again, each time with fsync and sync
#   flood=BYTES        writes that much to where a service logs to
#   sync=FILE          appends to FILE, and waits for the disk each time
#   log=BYTES          writes that much to standard error, for PID 1 to keep
#   files=N            opens files until the kernel refuses, or N are open
#   read=FILE          reads FILE over and over, for the page cache
#   hold=HOST:PORT:N   holds up to N connections open, and sends a byte on each every second
#   ping=HOST:N        pings HOST from N idents over and over: to the kernel that is N connections
#   open=HOST:PORT:N   opens and closes connections without end, N at once
#   send=HOST:PORT     sends large datagrams without end
#   udp=HOST:N         sends datagrams from ever new ports to ever new ports, N at once
# Of HOST:PORT, HOST may be [IPv6].
use strict;
use warnings;
use Errno qw(EAGAIN EINPROGRESS);
use Fcntl;
use IO::Handle;
use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6 SOCK_NONBLOCK);
use POSIX qw(_exit);

my $name = '';
$SIG{PIPE} = 'IGNORE';

sub edge { syswrite STDOUT, "$name edge @_\n" }
sub pause { select undef, undef, undef, shift }
sub now { (POSIX::times())[0] / POSIX::sysconf(POSIX::_SC_CLK_TCK()) }    # a Debian without perl-modules has no Time::HiRes

# spawn forks, as often as it takes: another part may hold all processes.
sub spawn {
	my $do = shift;
	for (;;) {
		my $pid = fork;
		if (!defined $pid) { pause(0.005); next }
		return $pid if $pid;
		$do->();
		_exit(0);
	}
}

# target takes HOST:PORT apart: its family, what makes an address of a port, and the port.
sub target {
	my ($host, $port) = $_[0] =~ /^(\[.*\]|[^:]*):?(\d*)$/;
	if ($host =~ s/^\[(.*)\]$/$1/) {
		my $packed = inet_pton(AF_INET6, $host);
		return (AF_INET6, sub { pack_sockaddr_in6($_[0], $packed) }, $port);
	}
	my $packed = inet_aton($host);
	return (AF_INET, sub { pack_sockaddr_in($_[0], $packed) }, $port);
}

# dial begins a connection and does not wait for it.
sub dial {
	my ($family, $to) = @_;
	socket(my $s, $family, SOCK_STREAM | SOCK_NONBLOCK, 0) or return;
	connect($s, $to) || $! == EINPROGRESS or return;
	return $s;
}

# connected counts those of a list that are.
sub connected { scalar grep { defined getpeername $_ } @_ }

my %parts = (
	cpu => sub {
		my $n = shift;
		spawn(sub { 1 while 1 }) for 2 .. $n;
		edge($n);
		1 while 1;
	},
	memory => sub {
		my ($most, $told) = (shift, 0);
		for (;;) {
			pipe(my $in, my $out) or die;
			my $pid = spawn(sub {
				my @held;
				while (@held * (4 << 20) < $most) {
					push @held, 'x' x (4 << 20);
					syswrite $out, '.';
				}
				syswrite $out, '!';
				for (;;) { for my $i (0 .. $#held) { substr($held[$i], 4096 * $_, 1) = 'y' for 0 .. 1023 } }
			});
			close $out;
			my ($all, $got) = ('', 0);
			while (sysread $in, my $buf, 4096) {
				$all = substr($all . $buf, -1);
				$got += length $buf;
				if ($all eq '!' && !$told++) { edge((($got - 1) * 4) . " MiB held") }
			}
			waitpid $pid, 0;
			edge(($got * 4) . " MiB, then killed by " . ($? & 127)) unless $told++;
		}
	},
	pids => sub {
		my ($most, @live, $told) = shift;
		for (;;) {
			my $pid = @live < $most ? fork : undef;
			if (defined $pid && !$pid) { sleep 3600 while 1 }
			if (defined $pid) { push @live, $pid; next }
			edge(scalar @live) unless $told++;
			my $old = shift @live or do { pause(0.01); next };
			kill 9, $old;
			waitpid $old, 0;
		}
	},
	disk => sub {
		my ($dir, $told) = shift;
		my ($block, $round) = (join('', map { chr rand 256 } 1 .. 65536) x 16, 0);
		for (;;) {
			my $file = "$dir/siege" . ($round++ ? $round % 4 : '');
			sysopen my $f, $file, O_WRONLY | O_CREAT or do { pause(0.05); unlink glob "$dir/siege[0-9]"; next };
			my $size = 0;
			while (my $n = syswrite $f, $block) { $size += $n; last if $round > 1 && $size > 64 << 20 }
			edge("$size bytes, then: $!") unless $told++;
			$f->sync;
			syscall 162 if (POSIX::uname())[4] eq 'x86_64';    # sync(2): of every file system that there is
			if ($round == 1) { truncate $f, $size - (16 << 20) if $size > 32 << 20 }
			else { truncate $f, 0 }
		}
	},
	flood => sub {
		my $left = shift;
		my $line = ('a line for the log ' x 50) . "\n";
		# Services are children of PID 1 whose standard error is a pipe to it. So is what began this program.
		for my $dir (glob '/proc/[0-9]*') {
			next if $dir eq '/proc/' . getppid;
			open my $status, '<', "$dir/status" or next;
			next unless grep { /^PPid:\s*1$/ } <$status>;
			next unless (readlink "$dir/fd/2" // '') =~ /^pipe:/ && open my $f, '>', "$dir/fd/2";
			while ($left > 0) { $left -= syswrite($f, $line) || last }
			edge($left > 0 ? "then: $!" : 'all written');
			sleep 3600 while 1;
		}
		edge('no service to write in the name of');
		sleep 3600 while 1;
	},
	sync => sub {
		my ($file, $told) = shift;
		my $block = join('', map { chr rand 256 } 1 .. 65536) x 4;
		sysopen my $f, $file, O_WRONLY | O_CREAT | O_TRUNC or die;
		while (syswrite $f, $block) {
			$f->sync;
			edge('waits for the disk') unless $told++;
		}
		sleep 3600 while 1;
	},
	log => sub {
		my $left = shift;
		my $line = ('a line for the log ' x 50) . "\n";
		while ($left > 0) { $left -= syswrite(STDERR, $line) || last }
		edge("all written");
		sleep 3600 while 1;
	},
	files => sub {
		my ($most, @open) = shift;
		while (@open < $most) { open my $f, '<', '/dev/null' or last; push @open, $f }
		edge(scalar(@open) . (@open < $most ? ", then: $!" : ''));
		sleep 3600 while 1;
	},
	read => sub {
		my $file = shift;
		edge('reads');
		for (;;) {
			open my $f, '<', $file or do { pause(0.05); next };
			1 while sysread $f, my $buf, 1 << 20;
		}
	},
	hold => sub {
		my ($host, $n) = shift =~ /^(.*):(\d+)$/;
		my ($family, $to, $port) = target($host);
		# Each process may have some hundred files open.
		my ($each, @counts) = 500;
		while ($n > 0) {
			my $share = $n < $each ? $n : $each;
			$n -= $share;
			pipe(my $in, my $out) or die;
			spawn(sub {
				my ($last, @open, $told) = now();
				for (;;) {
					for (1 .. 50) { last if @open >= $share; push @open, dial($family, $to->($port)) || last }
					pause(0.05);
					next unless @open >= $share || now() - $last > 4;
					if (!$told++) { syswrite $out, connected(@open) . "\n"; close $out }
					@open = grep { !defined getpeername $_ or defined syswrite $_, 'x' or $! == EAGAIN } @open;
					pause(1);
				}
			});
			close $out;
			push @counts, $in;
		}
		my $sum = 0;
		for my $in (@counts) { $sum += <$in> // 0 }
		edge("$sum held");
		sleep 3600 while 1;
	},
	ping => sub {
		my ($host, $n) = shift =~ /^(.*):(\d+)$/;
		my ($family, $to) = target($host);
		my $six = $family != AF_INET;
		my ($protocol, $request) = $six ? (58, pack 'C8', 128, (0) x 7) : (1, pack 'C8', 8, (0) x 7);
		my ($first, $told) = ($six ? 30000 : 2000, 0);    # idents: no two sockets have the same
		for (;;) {
			for my $i (1 .. $n) {
				pause(0.02) if $i % 50 == 0;
				socket(my $s, $family, SOCK_DGRAM | SOCK_NONBLOCK, $protocol) or next;
				my $ident = $first + $i;
				bind $s, $six ? pack_sockaddr_in6($ident, "\0" x 16) : pack_sockaddr_in($ident, INADDR_ANY) or next;
				send $s, $request, 0, $to->(0);
			}
			edge('asks') unless $told++;
			pause(0.1);
		}
	},
	open => sub {
		my ($host, $n) = shift =~ /^(.*):(\d+)$/;
		my ($family, $to, $port) = target($host);
		my ($began, $made, $seconds, $told, @open) = (now(), 0, 0);
		for (;;) {
			push @open, dial($family, $to->($port)) || () while @open < $n;
			pause(0.01);
			my @left;
			for (@open) { if (defined getpeername $_) { $made++ } else { push @left, $_ } }
			# Those that hang are given up, so that others are tried.
			splice @left, 0, @left / 2 if @left > $n / 2;
			@open = @left;
			if (!$told && now() - $began >= 4) { $told = 1; edge(sprintf '%.0f a second', $made / (now() - $began)) }
		}
	},
	send => sub {
		my ($family, $to, $port) = target(shift);
		my ($began, $told, $block) = (now(), 0, 'x' x 1400);
		socket(my $s, $family, SOCK_DGRAM, 0) or die;
		for (;;) {
			send $s, $block, 0, $to->($port);
			if (!$told && now() - $began >= 0.5) { $told = 1; edge('sends') }
		}
	},
	udp => sub {
		my ($host, $n) = shift =~ /^(.*):(\d+)$/;
		my ($family, $to) = target($host);
		my ($sent, $began, $told) = (0, now());
		for (;;) {
			my @open;
			for (1 .. $n) {
				socket(my $s, $family, SOCK_DGRAM | SOCK_NONBLOCK, 0) or last;
				$sent++ if defined send $s, 'x', 0, $to->(1024 + int rand 60000);
				push @open, $s;
			}
			pause(0.001);
			if (!$told && now() - $began >= 2) { $told = 1; edge(sprintf '%.0f a second', $sent / (now() - $began)) }
		}
	},
);

setpgrp;
for (@ARGV) {
	my ($part, $of) = split /=/, $_, 2;
	my $run = $parts{$part} or die "no part $part\n";
	$name = $_;
	spawn(sub { close STDIN; $run->($of); });
}
open STDERR, '>', '/dev/null';    # what PID 1 began is told from a service by that
1 while sysread STDIN, my $buf, 4096;
$SIG{TERM} = 'IGNORE';
kill 9, -getpgrp;
