"""Images for tests of cmaw-launch whose /init does nothing."""
import eif


def bootable(path, init=b"x", kernel=None):
    """An image whose kernel looks like one, unless one is given."""
    if kernel is None:
        kernel = bytearray(2048)
        kernel[0x1FE:0x200], kernel[0x202:0x206], kernel[0x206:0x208] = b"\x55\xaa", b"HdrS", b"\x0f\x02"
    ramdisk = eif.cpio([("init", eif.FILE | 0o755, init)])
    path.write_bytes(eif.write([(eif.KERNEL, bytes(kernel)), (eif.CMDLINE, b"quiet panic=-1 reboot=t"), (eif.METADATA, b"{}"), (eif.RAMDISK, ramdisk)]))
    return path
