# The hostile agent with what a shell and its tools can do: sh hostile.sh MODE. An image's tools are there for whoever gets in.
b=/bin/busybox
through=0

# refused COMMAND…: it must fail
refused() {
    if "$b" timeout 5 "$@" >/dev/null 2>&1 </dev/null; then
        echo "$* got through"
        through=1
    fi
}

walls() {
    for path in /proc/1/mem /proc/self/environ /dev/mem /dev/nsm /sys/kernel /etc/cmaw/enclave.conf /../init /dev/fd/3 /proc/kcore; do
        refused "$b" cat "$path"
    done
    refused "$b" nc 127.0.0.1 5000
    refused "$b" nc -l -p 5000
    refused "$b" ping -c 1 127.0.0.1
    refused "$b" wget -O - http://127.0.0.1/
    refused "$b" nslookup localhost 127.0.0.1
    refused "$b" ifconfig lo up
    refused "$b" ip link
    refused "$b" telnetd -F
    refused "$b" httpd -f
    refused "$b" udhcpc -n -q
    refused "$b" mount -t tmpfs none /tmp
    refused "$b" mount -t proc none /tmp
    refused "$b" mount -o remount,rw /
    refused "$b" mount --bind / /tmp
    refused "$b" umount -l /dev
    refused "$b" chroot /tmp /bin/busybox true
    refused "$b" pivot_root . .
    refused "$b" switch_root /tmp /bin/busybox
    refused "$b" unshare -U /bin/busybox true
    refused "$b" unshare -m /bin/busybox true
    refused "$b" unshare -n /bin/busybox true
    refused "$b" nsenter -t 1 -m /bin/busybox true
    refused "$b" mknod /tmp/nsm c 10 144
    refused "$b" mknod /tmp/mem c 1 1
    refused "$b" devmem 0
    refused "$b" losetup -f /tmp/x
    refused "$b" insmod /hostile.sh
    refused "$b" reboot -f
    refused "$b" poweroff -f
    refused "$b" halt -f
    refused "$b" swapon /hostile.sh
    refused "$b" hwclock -w
    refused "$b" date -s 2020-01-01
    refused "$b" adjtimex -t 9999
    refused "$b" hostname other
    refused "$b" dmesg
    refused "$b" sysctl -w kernel.panic=0
    refused "$b" setpriv --reuid 0 /bin/busybox true
    refused "$b" setpriv --clear-groups /bin/busybox true
    refused "$b" nice -n -5 /bin/busybox false
    refused "$b" renice -n -5 -p 1
    refused "$b" ionice -c 1 /bin/busybox true
    refused "$b" chown 0 /hostile.sh
    refused "$b" chmod 777 /bin/busybox
    refused "$b" touch /dev/null
    refused "$b" touch /hostile.sh
    refused "$b" touch /new
    refused "$b" rm /hostile.sh
    refused "$b" kill -9 2
    refused "$b" cttyhack /bin/busybox false
    refused "$b" openvt /bin/busybox true
    refused "$b" freeramdisk /dev/zero
    if (echo x >/bin/x) 2>/dev/null || (exec 3<>/dev/tcp) 2>/dev/null; then
        echo "a redirection got through"
        through=1
    fi
    [ "$through" = 0 ] && echo refused
    return "$through"
}

# bomb: each starts two more
bomb() {
    trap '' TERM INT HUP
    bomb | bomb &
    bomb
}

case $1 in
walls) walls ;;
bomb) bomb ;;
background)
    echo letter >/tmp/letter
    "$b" nohup "$b" sh -c 'trap "" HUP TERM; while :; do :; done' >/dev/null 2>&1 &
    "$b" setsid "$b" sleep 100000 >/dev/null 2>&1 &
    "$b" start-stop-daemon -S -b -x "$b" -- sleep 100000 >/dev/null 2>&1
    echo littered
    ;;
trap)
    trap '' HUP INT TERM CHLD
    while :; do :; done
    ;;
*) exit 64 ;;
esac
