# One step of a build: sh -c THIS stage ROOT WHERE COMMAND..., as the first process of new mount, PID, IPC and UTS
# namespaces. The image gets a /dev and a /run of its own that vanish with the step; nothing of the host is mounted in it.
# Its standard input is a pipe of logisd's with one line; without it, logisd has died meanwhile.
set -eu
read -r _
exec </dev/null
root=$1 where=$2
shift 2

mount --make-rprivate /
hostname logis-build
mount -t proc proc /proc
mkdir -p "$root/dev" "$root/run"
mount -t tmpfs -o mode=0755,nosuid,noexec,size=1m dev "$root/dev"
mount -t tmpfs -o mode=0755,nosuid,nodev,size=64m run "$root/run"
mkdir "$root/run/lock" "$root/run/logis"
[ ! -e /etc/resolv.conf ] || cat /etc/resolv.conf >"$root/run/logis/resolv.conf"

# debootstrap fills /dev by itself.
if [ "$where" = host ]; then
	exec "$@"
fi

for node in null:3 zero:5 full:7 random:8 urandom:9; do
	mknod -m 0666 "$root/dev/${node%:*}" c 1 "${node#*:}"
done
mknod -m 0666 "$root/dev/tty" c 5 0
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5,nosuid,noexec devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
mount -t proc proc "$root/proc"
exec chroot "$root" "$@"
