"""The virtual machine's tools by hand: QEMU and vhost-device-vsock with none of our programs around them."""
import contextlib
import os
import pathlib
import socket
import subprocess

TOOLS = pathlib.Path(os.environ["CMAW_VM"])
COMMAND_LINE = b"reboot=t panic=-1 pci=off nomodules random.trust_cpu=on rootfstype=ramfs console=ttyS0"
WAIT = 300  # seconds until something that never comes is given up; nothing is measured by it


def listen(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.settimeout(WAIT)
    listener.bind(str(path))
    listener.listen(1)
    return listener


def connect(path, port):
    """A connection to a port of the guest, which has to listen there."""
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(WAIT)
    stream.connect(str(path))
    stream.sendall(b"CONNECT %d\n" % port)
    answer = b""
    while not answer.endswith(b"\n"):
        answer += stream.recv(1)
    assert answer.startswith(b"OK "), answer
    return stream


@contextlib.contextmanager
def ended_with(process):
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def running(folder, image, memory=64):
    """A machine that boots the image; what it writes to its console is its standard output. The guest's ports are at folder/vsock."""
    backend, ports = folder / "backend", folder / "vsock"
    vsock = subprocess.Popen([TOOLS / "vhost-device-vsock", "--vm", f"guest-cid=4,socket={backend},uds-path={ports}"], stderr=subprocess.DEVNULL)
    with ended_with(vsock):
        while not backend.exists():
            assert vsock.poll() is None, "vhost-device-vsock ended"
        machine = subprocess.Popen([TOOLS / "qemu-system-x86_64", "-M", "nitro-enclave,vsock=c,id=i-0a-enc01", "-accel", "tcg", "-cpu", "max",
                                    "-m", str(memory), "-kernel", image, "-chardev", f"socket,id=c,path={backend}", "-nodefaults", "-display", "none",
                                    "-serial", "stdio", "-no-reboot"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        with ended_with(machine):
            yield machine
