"""Ports of the loopback for programs that are told where to listen."""
import contextlib
import pathlib
import random
import socket


def free_port():
    """A port below those that the kernel gives to outgoing connections: none of them takes it before its program listens, or while it is down."""
    end = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.sample(range(15000, end), 64):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")
