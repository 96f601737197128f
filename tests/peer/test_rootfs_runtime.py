"""How an agent is run: image.yaml over the image's configuration; which image of several; programs that could not start."""
import hashlib
import subprocess

import pytest

import oci
from oci import ELF, Builder, Layout, archive, docker_save, file, folder, link, tar

PINNED = dict(line.split() for line in (oci.ROOT / "image/kernel/pinned").read_text().splitlines() if not line.startswith("#"))
OTHER_KERNEL = bytes(0x202) + b"HdrS"
LAYER = tar([file("usr/bin/agent", ELF, 0o755), link("bin", "usr/bin"), file("app/main", b"#! /bin/agent -x\nrest", 0o755), file("app/data", b"x"),
             file("app/usr/bin/inner", ELF, 0o755), folder("srv")])
CONFIG = {"Entrypoint": ["agent", "--serve"], "Cmd": ["all words"], "Env": ["PATH=/nowhere:/bin", "LANG=C", "PATH=/usr/sbin:/bin"], "WorkingDir": "/app/",
          "User": "65534:65534", "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/data": {}}}


@pytest.fixture
def builder(tmp_path):
    return Builder(tmp_path)


def put(builder, config=CONFIG, layers=(LAYER,)):
    (builder.where / "image.tar").write_bytes(archive(docker_save(list(layers), config, old=False)))


def words(settings, kind):
    return [settings[f"agent.{kind}.{i}"] for i in range(sum(key.startswith(f"agent.{kind}.") for key in settings))]


def test_the_configuration_is_what_runs(builder):
    put(builder)
    result = builder.run("image.tar", "", "")
    assert result.returncode == 0 and "cmaw-image: the image's user 65534:65534 is not used: an agent always has a user of its own\n" in result.stderr
    settings = builder.read()[1]
    assert words(settings, "arg") == ["/bin/agent", "--serve", "all words"]
    assert words(settings, "env") == ["PATH=/usr/sbin:/bin", "LANG=C"]
    assert settings["agent.workdir"] == "/app"


def test_the_recipe_comes_first(builder):
    put(builder)
    _, settings = builder.build("image.tar", "command: [/app/usr/bin/inner]", 'env: ["LANG=de", "MORE="]\n  workdir: /srv')
    assert words(settings, "arg") == ["/app/usr/bin/inner"] and settings["agent.workdir"] == "/srv"
    assert words(settings, "env") == ["PATH=/usr/sbin:/bin", "LANG=de", "MORE="]
    assert "agent.workdir" not in builder.build("image.tar", "command: [agent]", "workdir: /")[1]


@pytest.mark.parametrize("command, more, program", [
    ("agent", "", "/bin/agent"), ("./main", "", "/app/./main"), ("usr/bin/inner", "", "/app/usr/bin/inner"), ("inner", 'env: ["PATH=:usr/bin"]', "/app/usr/bin/inner"),
    ("agent", 'env: ["PATH=/app:/usr/bin"]', "/usr/bin/agent"), ("/usr/../bin/agent", "", "/usr/../bin/agent")])
def test_a_program_is_found_as_a_shell_would(builder, command, more, program):
    put(builder)
    assert words(builder.build("image.tar", f'command: ["{command}"]', more)[1], "arg") == [program]


def test_without_a_path_the_usual_one_is_searched(builder):
    put(builder, {"Cmd": ["agent"]})
    assert words(builder.build("image.tar", "", "")[1], "arg") == ["/usr/bin/agent"]


SCRIPT = {"good": b"#!/usr/bin/agent\n", "missing": b"#!/usr/bin/python3\n", "relative": b"#!agent\n", "empty": b"#!\n", "text": b"hello\n"}


@pytest.mark.parametrize("command, more, line, expected", [
    ("[nothing]", "", 6, "command nothing is not a file of the image"), ("[/app]", "", 6, "command /app is a folder"),
    ("[/app/data]", "", 6, "command /app/data has no mode that allows to run it"), ("[./agent]", "", 6, "command ./agent is not a file of the image"),
    ("[agent]", 'env: ["PATH=/srv"]', 6, "command agent is not a file of the image"), ("[agent]", "workdir: /nowhere", 7, "workdir /nowhere is not a folder"),
    ("[agent]", "workdir: /app/data", 7, "workdir /app/data is not a folder"), ("[agent]", "workdir: app", 7, "workdir app is not a plain absolute path"),
    ("[/x]", "files: [{source: missing, target: /x, mode: \"0755\"}]", 7, "command /x needs /usr/bin/python3, which is not in the image"),
    ("[/x]", "files: [{source: empty, target: /x, mode: \"0755\"}]", 7, "is neither a program for 64-bit x86 or Arm nor a script"),
    ("[/x]", "files: [{source: text, target: /x, mode: \"0755\"}]", 7, "is neither a program for 64-bit x86 or Arm nor a script"),
    ("[/x]", "files: [{source: /bin/true, target: /x, mode: \"0755\"}]", 7, "command /x needs /lib64/ld-linux-x86-64.so.2, which is not in the image"),
    ("[/x]", "files: [{source: elf, target: /app, mode: \"0755\"}]", 7, "target /app is a folder of the root file system"),
    ("[/x]", "files: [{source: elf, target: /app/data/x}]", 7, "app/data/x: it lies behind a file"),
])
def test_what_cannot_run_is_refused(builder, command, more, line, expected):
    put(builder)
    for name, content in SCRIPT.items():
        (builder.where / name).write_bytes(content)
    result = builder.run("image.tar", f"command: {command}", more)
    assert result.returncode == 1 and f"image.yaml:{line}: " in result.stderr and expected in result.stderr, result.stderr


def test_a_script_with_its_interpreter_is_good(builder):
    put(builder)
    (builder.where / "good").write_bytes(SCRIPT["good"])
    assert words(builder.build("image.tar", "command: [/x]", 'files: [{source: good, target: /x, mode: "0755"}]')[1], "arg") == ["/x"]


def test_files_go_on_top_and_through_links(builder):
    put(builder)
    found, _ = builder.build("image.tar", "command: [agent]", 'files: [{source: elf, target: /bin/agent, mode: "0500"}, {source: elf, target: /app/new/x}]')
    assert found["usr/bin/agent"] == ("f", 0o500, ELF) and found["app/new/x"] == ("f", 0o644, ELF) and found["bin"][0] == "l"


def test_files_do_not_go_where_nobody_sees_them(builder):
    put(builder, layers=[LAYER, tar([folder("tmp"), link("var", "tmp")])])
    result = builder.run("image.tar", "", "files: [{source: elf, target: /var/x}]")
    assert result.returncode == 1 and "target /var/x is /tmp/x, in a folder of the runtime" in result.stderr, result.stderr


def test_no_command_at_all(builder):
    put(builder, {})
    result = builder.run("image.tar", "", "")
    assert result.returncode == 1 and "agent has no command, and its root file system comes with none\nhint: " in result.stderr


def several(builder):
    layout = Layout()
    for name, content in (("app:1", b"one"), ("app:2", b"two")):
        layout.add([tar([file("is", content)])], name=name)
    layout.index.append({**layout.index[1], "annotations": {"io.containerd.image.name": "example.test/app:newest"}})
    oci.spread(layout.files(), builder.where / "layout")
    return layout


def test_one_of_several_images(builder):
    layout = several(builder)
    for reference, content in (("app:1", b"one"), ("app:2", b"two"), ("example.test/app:newest", b"two"), (layout.index[0]["digest"], b"one")):
        assert builder.build("layout", f'command: [/zz]\n  image: "{reference}"')[0]["is"][2] == content
    result = builder.run("layout", 'command: [/zz]\n  image: "app:3"')
    assert "there is no image app:3 for linux/amd64 in it\nhint: there are in it: app:1, app:2, example.test/app:newest\n" in result.stderr
    result = builder.run("layout")
    assert "there are several images in it: app:1, app:2, example.test/app:newest\nhint: agent.image says which one\n" in result.stderr


def test_one_image_of_two_names_is_one(builder):
    layout = Layout().add([tar([file("is", b"one")])], name="app:1")
    layout.index.append({**layout.index[0], "annotations": {"org.opencontainers.image.ref.name": "app:latest"}})
    (builder.where / "image.tar").write_bytes(archive(layout.files()))
    assert builder.build("image.tar")[0]["is"][2] == b"one"


def test_one_of_several_platforms(builder):
    """As buildx writes it: an index of platforms, of which one is no image but says where the others come from."""
    layout = Layout()
    here = layout.manifest([tar([file("is", b"amd64")])], platform={"os": "linux", "architecture": "amd64"})
    there = {**here, "digest": oci.digest(b"not here"), "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}}
    about = {**here, "digest": oci.digest(b"about"), "platform": {"os": "unknown", "architecture": "unknown"}}
    body = oci.json.dumps({"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": [there, about, here]}).encode()
    layout.index = [layout.blob(body, oci.INDEX, annotations={"io.containerd.image.name": "x:latest"})]
    (builder.where / "image.tar").write_bytes(archive(layout.files()))
    assert builder.build("image.tar")[0]["is"][2] == b"amd64"
    assert builder.build("image.tar", 'command: [/zz]\n  image: "x:latest"')[0]["is"][2] == b"amd64"


def test_a_reference_needs_images(builder):
    (builder.where / "plain.tar").write_bytes(LAYER)
    assert "there are no images in it, and so no x" in builder.run("plain.tar", "command: [/zz]\n  image: x").stderr


def test_a_root_with_files_of_such_names_is_a_root(builder):
    (builder.where / "plain.tar").write_bytes(tar([file("manifest.json", b'{"Config": 1}'), file("index.json", b"{}")]))
    assert set(builder.build("plain.tar")[0]) == {"manifest.json", "index.json"}


@pytest.mark.parametrize("kernel, content, expected", [
    ("k", bytes(600), "k is not a Linux kernel for x86-64 (bzImage)"), ("none", b"", ""),
    ("k", OTHER_KERNEL, f"k is not the pinned kernel {PINNED['version']}: PCR0 and PCR1 are those of this one, SHA-384 {hashlib.sha384(OTHER_KERNEL).hexdigest()}\n"),
    ("default", b"", "the pinned kernel")], ids=["no kernel", "none", "another", "default"])
def test_the_kernel(builder, kernel, content, expected):
    (builder.where / "k").write_bytes(content)
    put(builder)
    builder.run("image.tar", "", "")
    recipe = builder.where / "image.yaml"
    recipe.write_text(recipe.read_text().replace("kernel: none", f"kernel: {kernel}"))
    result = subprocess.run([oci.IMAGE, "build", recipe, "-o", builder.where / "k.eif"], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})
    assert (result.returncode == 0) == (expected == "" or content == OTHER_KERNEL) and expected in result.stderr, result.stderr
    if kernel == "default":
        assert "--kernel none" in result.stderr


@pytest.mark.parametrize("cmdline, expected", [
    ("", ""), ("x" * 1536, ""), ("x" * 1537, "the kernel's command line has 1537 bytes, more than 1536"), ("a\nb", "not printable ASCII on one line"), ("é", "not printable")],
    ids=["empty", "longest", "too long", "two lines", "no ASCII"])
def test_the_command_line(builder, cmdline, expected):
    put(builder)
    builder.run("image.tar", "", "")
    result = subprocess.run([oci.IMAGE, "build", builder.where / "image.yaml", "-o", builder.where / "k.eif", "--cmdline", cmdline], capture_output=True, text=True)
    assert (result.returncode == 0) == (expected == "") and expected in result.stderr, result.stderr


def test_the_pinned_kernel_is_no_other(builder):
    (builder.where / "vm").mkdir()
    (builder.where / "vm/bzImage").write_bytes(OTHER_KERNEL)
    put(builder)
    builder.run("image.tar", "", "")
    recipe = builder.where / "image.yaml"
    recipe.write_text(recipe.read_text().replace("kernel: none\n", ""))
    result = subprocess.run([oci.IMAGE, "build", recipe, "-o", builder.where / "k.eif", "--vm", builder.where / "vm"], capture_output=True, text=True)
    assert result.returncode == 1 and not (builder.where / "k.eif").exists()
    assert f"is not the pinned kernel {PINNED['version']}: its SHA-384 is {hashlib.sha384(OTHER_KERNEL).hexdigest()}, not {PINNED['sha384']}\nhint: make vm" in result.stderr
