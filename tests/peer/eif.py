"""Enclave images (EIF version 4) read and written in Python, from the platform's description: what an image tool must agree
with. read() is strict; measure() gives PCR0, 1 and 2; write() makes an image from ramdisks."""
import gzip
import hashlib
import json
import struct
import zlib

KERNEL, CMDLINE, RAMDISK, SIGNATURE, METADATA = 1, 2, 3, 4, 5
HEADER = 548
ZEROS = bytes(48)


def sha384(data):
    return hashlib.sha384(data).digest()


def measure(sections):
    """PCR0, PCR1, PCR2 of a list of (type, payload)."""
    base = b"".join(p for t, p in sections if t in (KERNEL, CMDLINE))
    ramdisks = [p for t, p in sections if t == RAMDISK]
    contents = base + b"".join(ramdisks), base + ramdisks[0], b"".join(ramdisks[1:])
    return {i: sha384(ZEROS + sha384(c)) for i, c in enumerate(contents)}


def read(data):
    """Sections of an image as (type, payload), in file order; AssertionError where readings could differ."""
    magic, version, flags, _, _, reserved, count = struct.unpack_from(">4sHHQQHH", data)
    assert magic == b".eif" and version == 4 and flags in (0, 1) and reserved == 0 and 2 <= count <= 32
    offsets, sizes = struct.unpack_from(">32Q", data, 0x1C), struct.unpack_from(">32Q", data, 0x11C)
    assert not any(offsets[count:]) and not any(sizes[count:]) and data[0x21C:0x220] == bytes(4)
    assert int.from_bytes(data[0x220:0x224], "big") == zlib.crc32(data[0x224:], zlib.crc32(data[:0x220]))
    at, sections = HEADER, []
    for offset, size in zip(offsets[:count], sizes[:count]):
        kind, section_flags, again = struct.unpack_from(">HHQ", data, offset)
        assert offset == at and again == size and section_flags == 0 and 1 <= kind <= 5 and size <= len(data) - at - 12
        sections.append((kind, data[at + 12:at + 12 + size]))
        at += 12 + size
    assert at == len(data)
    return sections


def write(sections):
    head = bytearray(struct.pack(">4sHHQQHH", b".eif", 4, 0, 1 << 30, 2, 0, len(sections)))
    offsets, at, body = [], HEADER, b""
    for kind, payload in sections:
        offsets.append(at)
        body += struct.pack(">HHQ", kind, 0, len(payload)) + payload
        at += 12 + len(payload)
    sizes = [len(p) for _, p in sections]
    head += struct.pack(">32Q", *offsets, *[0] * (32 - len(offsets))) + struct.pack(">32Q", *sizes, *[0] * (32 - len(sizes)))
    head += bytes(4)
    return bytes(head) + zlib.crc32(body, zlib.crc32(head)).to_bytes(4, "big") + body


def cpio(entries):
    """newc archive of (path, mode, content), directories included by the caller."""
    out = b""
    for inode, (path, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        name = path.encode() + b"\0"
        fields = [inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0]
        out += b"070701" + b"".join(b"%08x" % f for f in fields) + name
        out += bytes(-len(out) % 4) + content
        out += bytes(-len(out) % 4)
    return out


def uncpio(data):
    """{path: (mode, content)} of concatenated newc archives, gzip or not."""
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    files, at = {}, 0
    while at < len(data):
        if data[at] == 0:
            at += 1
            continue
        assert data[at:at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name = data[at + 110:at + 110 + fields[11] - 1].decode()
        start = at + 110 + fields[11]
        start += -start % 4
        if name != "TRAILER!!!":
            files[name] = (fields[1], data[start:start + fields[6]])
        at = start + fields[6]
        at += -at % 4
    return files


DIRECTORY, FILE = 0o040755, 0o100644


def tree(files):
    """Entries with their folders, in order, from {path: (mode, content)}."""
    folders = sorted({"/".join(path.split("/")[:i]) for path in files for i in range(1, path.count("/") + 1)})
    return [(f, DIRECTORY, b"") for f in folders] + [(p, FILE & ~0o777 | mode, content) for p, (mode, content) in sorted(files.items())]


def build(init, conf, roots, agent_files, kernel=b"no kernel", cmdline=b"reboot=k"):
    """An image as cmaw-image lays it out: /init in one ramdisk; settings, TLS roots and the agent's root in the other."""
    folders = [(name, DIRECTORY, b"") for name in ("agent", "dev", "proc", "run", "sys", "tmp")]
    first = cpio([*folders, ("init", FILE & ~0o777 | 0o755, init)])
    files = {"etc/cmaw/enclave.conf": (0o444, conf), "etc/cmaw/kms-roots.pem": (0o444, roots)}
    files |= {"agent/" + path.lstrip("/"): value for path, value in agent_files.items()}
    second = cpio(tree(files))
    metadata = json.dumps({"ImageName": "peer", "ImageVersion": "1", "BuildMetadata": {}, "DockerInfo": {}, "CustomMetadata": None}).encode()
    return write([(KERNEL, kernel), (CMDLINE, cmdline), (METADATA, metadata), (RAMDISK, first), (RAMDISK, second)])
