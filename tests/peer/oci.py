"""Makes root file systems the way other tools hand them over (tar, OCI layout, docker save), and says independently what they add up to."""
import bz2
import gzip
import hashlib
import io
import json
import lzma
import pathlib
import subprocess
import tarfile

import eif

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
IMAGE = ROOT / "build/image/cmaw-image"
INDEX, MANIFEST = "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"
CONFIG, LAYER = "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar"
# the smallest program that needs nothing: a header of an ELF file for x86-64 without parts
ELF = b"\x7fELF\2\1\1" + bytes(9) + (2).to_bytes(2, "little") + (62).to_bytes(2, "little") + (1).to_bytes(4, "little") + bytes(24) + bytes(4) + \
    b"".join(n.to_bytes(2, "little") for n in (64, 56, 0, 64, 0, 0))


# -- entries of an archive --

def entry(path, kind, mode, content=b"", link="", **more):
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.size, info.linkname = kind, mode, len(content), link
    for name, value in {"mtime": 1700000000, "uid": 1000, "gid": 1000, "uname": "somebody", **more}.items():
        setattr(info, name, value)
    return info, content


def folder(path, mode=0o755, **more):
    return entry(path, tarfile.DIRTYPE, mode, **more)


def file(path, content=b"", mode=0o644, **more):
    return entry(path, tarfile.REGTYPE, mode, content, **more)


def link(path, target, **more):
    return entry(path, tarfile.SYMTYPE, 0o777, link=target, **more)


def same(path, target, **more):
    return entry(path, tarfile.LNKTYPE, 0o644, link=target, **more)


def gone(path):
    above, _, name = path.rpartition("/")
    return file(f"{above}/.wh.{name}" if above else f".wh.{name}")


def opaque(path):
    return file(f"{path}/.wh..wh..opq" if path else ".wh..wh..opq")


def tar(entries, form=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout


PACKED = {"": bytes, "gzip": gzip.compress, "zstd": zstd, "xz": lzma.compress, "bzip2": bz2.compress}


# -- what layers add up to, by the text of the OCI specification: a layer first takes away what it hides, then adds what it has --

class Wrong(Exception):
    pass


class Tree:
    """{path: (kind, mode, content)} with kind of d, f, l."""

    def __init__(self):
        self.nodes = {}

    def resolve(self, path, make=False, hops=40):
        """The place of a folder behind links, as a process sees it whose root this is."""
        at, parts = [], [part for part in path.split("/") if part not in ("", ".")]
        while parts:
            part = parts.pop(0)
            if part == "..":
                at = at[:-1]
                continue
            here = "/".join([*at, part])
            kind, _, content = self.nodes.get(here, (None, None, None))
            if kind == "l":
                hops -= 1
                target = content.decode()
                if hops < 0:
                    raise Wrong("links")
                if self.nodes.get(self.resolve_all(target, at, hops), ("d",))[0] != "d":
                    raise Wrong("file on the way")
                at = self.resolve_all(target, at, hops).split("/") if self.resolve_all(target, at, hops) else []
                continue
            if kind == "f":
                raise Wrong("file on the way")
            if kind is None:
                if not make:
                    raise Wrong("nothing there")
                self.nodes[here] = ("d", 0o755, b"")
            at.append(part)
        return "/".join(at)

    def resolve_all(self, target, at, hops):
        base = "" if target.startswith("/") else "/".join(at)
        found = self.resolve(f"{base}/{target}", False, hops - 1)
        if found and found not in self.nodes:
            raise Wrong("link to nowhere")
        return found

    def place(self, path, make=True):
        above, _, name = path.rpartition("/")
        above = self.resolve(above, make)
        return f"{above}/{name}" if above else name

    def drop(self, path, below=False):
        for name in [n for n in self.nodes if n.startswith(path + "/") or (n == path and not below) or path == ""]:
            del self.nodes[name]

    def hide(self, entries):
        for info, _ in entries:
            above, _, name = info.name.strip("/").rpartition("/")
            try:
                above = self.resolve(above)
            except Wrong:
                continue
            if name == ".wh..wh..opq":
                self.drop(above, below=True)
            elif name.startswith(".wh.") and not name.startswith(".wh..wh."):
                self.drop(f"{above}/{name[4:]}".strip("/"))

    def add(self, info, content):
        path = info.name.rstrip("/").removeprefix("./")
        if path in ("", "."):
            return
        if info.islnk():
            source = self.nodes.get(self.place(info.linkname, make=False))
            if source is None or source[0] == "d":
                raise Wrong("no such file")
        at = self.place(path)
        if info.isdir() and self.nodes.get(at, ("",))[0] == "d":
            return
        self.drop(at)
        if info.islnk():
            self.nodes[at] = source
        elif info.isdir():
            self.nodes[at] = ("d", 0o755, b"")
        elif info.issym():
            self.nodes[at] = ("l", 0o777, info.linkname.encode())
        elif info.isreg():
            self.nodes[at] = ("f", 0o755 if info.mode & 0o111 else 0o644, content)

    def apply(self, entries, as_layer=True):
        if as_layer:
            self.hide(entries)
        for info, content in entries:
            if not (as_layer and info.name.rpartition("/")[2].startswith(".wh.")):
                self.add(info, content)
        return self


# -- the forms that images come in --

def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def configuration(layers, config=None, architecture="amd64", os="linux"):
    return json.dumps({"architecture": architecture, "os": os, "config": config or {},
                       "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]}}).encode()


class Layout:
    """Blobs and an index of images; files() is {path: bytes} of an OCI layout."""

    def __init__(self):
        self.blobs, self.index = {}, []

    def blob(self, data, kind, **more):
        self.blobs["blobs/sha256/" + digest(data).removeprefix("sha256:")] = data
        return {"mediaType": kind, "digest": digest(data), "size": len(data), **more}

    def manifest(self, layers, config=None, packed="", **more):
        """Adds an image of tar layers; returns its descriptor."""
        packings = packed if isinstance(packed, list) else [packed] * len(layers)
        blobs = [self.blob(PACKED[p](layer), LAYER + ("+" + p if p in ("gzip", "zstd") else "")) for p, layer in zip(packings, layers)]
        body = {"schemaVersion": 2, "mediaType": MANIFEST, "config": self.blob(configuration(layers, config), CONFIG), "layers": blobs}
        return self.blob(json.dumps(body).encode(), MANIFEST, **more)

    def add(self, *args, name=None, **more):
        if name:
            more["annotations"] = {"org.opencontainers.image.ref.name": name}
        self.index.append(self.manifest(*args, **more))
        return self

    def files(self):
        return {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', **self.blobs,
                "index.json": json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": self.index}).encode()}


def docker_save(layers, config=None, tags=("sample:latest",), old=True):
    """The files of docker save: before version 25 a folder a layer, and repeated layers as links; since then an OCI layout too."""
    body = configuration(layers, config)
    name = digest(body).removeprefix("sha256:")
    if not old:
        layout = Layout().add(layers, config, name=tags[0].rpartition(":")[2])
        manifest = [{"Config": "blobs/sha256/" + name, "RepoTags": list(tags), "Layers": ["blobs/sha256/" + digest(x)[7:] for x in layers]}]
        return {**layout.files(), "manifest.json": json.dumps(manifest).encode()}
    paths = [f"{i:064x}/layer.tar" for i in range(len(layers))]
    files = {name + ".json": body, "repositories": b"{}",
             "manifest.json": json.dumps([{"Config": name + ".json", "RepoTags": list(tags), "Layers": paths}]).encode()}
    for i, (path, layer) in enumerate(zip(paths, layers)):
        first = layers.index(layer)
        files[path] = layer if first == i else link("", "../" + paths[first])
    return files


def archive(files):
    return tar([file(path, data) if isinstance(data, bytes) else link(path, data[0].linkname) for path, data in files.items()])


def spread(files, where):
    for path, data in files.items():
        (where / path).parent.mkdir(parents=True, exist_ok=True)
        (where / path).write_bytes(data)
    return where


# -- cmaw-image on them --

class Builder:
    """A folder with what every image needs; the agent is a program of its own in the root, so that the root file system may be anything."""

    def __init__(self, where):
        self.where = where
        (where / "elf").write_bytes(ELF)
        (where / "roots.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        (where / "root.der").write_bytes(b"\x30\x03\x02\x01\x05")

    def run(self, rootfs, agent="command: [/zz]", more="files: [{source: elf, target: /zz, mode: \"0755\"}]", out="x.eif", **kwargs):
        recipe = self.where / "image.yaml"
        recipe.write_text(f"version: 1\nname: x\nagent:\n  rootfs: {rootfs}\n  io: raw\n  {agent}\n  {more}\nkernel: none\ninit: elf\n"
                          "kms: {roots: roots.pem}\nattestation: {root: root.der}\n")
        return subprocess.run([IMAGE, "build", recipe, "-o", self.where / out], capture_output=True, text=True, timeout=120, **kwargs)

    def build(self, rootfs, *args, **kwargs):
        """(files of the agent's root without /zz, settings) of the image."""
        result = self.run(rootfs, *args, **kwargs)
        assert result.returncode == 0, result.stderr
        return self.read()

    def read(self, out="x.eif"):
        ramdisk = eif.uncpio([data for kind, data in eif.read((self.where / out).read_bytes()) if kind == eif.RAMDISK][1])
        kinds = {0o040000: "d", 0o100000: "f", 0o120000: "l"}
        found = {name.removeprefix("agent/"): (kinds[mode & 0o170000], mode & 0o7777, content) for name, (mode, content) in ramdisk.items()
                 if name.startswith("agent/") and name != "agent/zz"}
        settings = dict(line.split("=", 1) for line in ramdisk["etc/cmaw/enclave.conf"][1].decode().splitlines())
        return found, settings

    def bytes(self, out="x.eif"):
        return (self.where / out).read_bytes()
