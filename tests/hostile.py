"""What a hostile agent tries (tests/agents/hostile), and what has to come of it. The one list for every tier: each attack is a step of
a running enclave, and after each of them the enclave serves and the next step starts clean."""
import concurrent.futures
import dataclasses
import pathlib
import tarfile
import time

import pb
import sst1


@dataclasses.dataclass(frozen=True)
class Attack:
    mode: str                 # of the agent, and a word for it
    tries: str
    code: str = "OK"          # of the step
    says: bytes = b"refused\n"  # content of its output, or how its sealed error text starts; None: it does not matter
    tiers: tuple = ("sim", "qemu")
    beside: bool = False      # an honest step goes through while this one runs

    @property
    def id(self):
        return self.mode.replace(" ", "-")


GROUPED = ("qemu",)  # held where the kernel has a group (cgroup v2) for each agent
QUICK = ("sim",)     # Python: 12 MB more to boot from


def refused(mode, tries, **more):
    return Attack(mode, tries, **more)


def ends(mode, tries, code="AGENT_FAILED", says=b"", **more):
    return Attack(mode, tries, code, says, **more)


def endless(mode, tries, **more):
    return Attack(mode, tries, "AGENT_TIMEOUT", b"", beside=True, **more)


SECTIONS = {
    "Read what the process with the keys has": [
        refused("memory", "open memory, maps, environment, files and descriptors of 300 processes under /proc; /dev/mem, kcore, kmsg; process_vm_readv and writev"),
        refused("trace", "ptrace of any kind, pidfd_open, pidfd_getfd, kcmp, process_madvise, userfaultfd, io_uring"),
        refused("files", "the enclave's configuration, its TLS roots, /init, /agent, by twelve ways of writing a path that leads up, and by file handles"),
        refused("descriptors", "use, duplicate or reopen descriptors 3 to 1023; read from standard error"),
        refused("core", "raise the limit of core files, and leave one by a crash"),
        refused("write-input", "write, cut, lengthen or punch its sealed input"),
    ],
    "Get out": [
        refused("sockets", "sockets of all 48 families (vsock, netlink, packet, AF_ALG, unix) and five types, pairs, 24 netlink protocols"),
        refused("socket-calls", "connect, bind, accept, send, receive on 16 descriptors"),
        refused("other-abi", "the same by the numbers of x32 and of i386 (int 0x80)"),
        refused("mount", "mount, remount, bind, umount, pivot_root, chroot, and the newer mount calls"),
        refused("namespaces", "unshare, setns and clone of every kind of namespace, clone3"),
        refused("root", "make, replace, remove, link or change files of its own root, its program, its devices"),
        refused("nsm", "/dev/nsm by eleven names, mknod of every misc device, of memory, of a disk"),
        refused("signals", "signal every process that it can name, and itself"),
    ],
    "Gain privileges": [
        refused("privilege", "reboot, kexec, modules, swap, quota, clocks, host name, personality, port access, and more of the machine"),
        refused("identity", "set user, group, capabilities, owner of files, keys of the kernel"),
        refused("set-user-id", "run a program with the set-user-id bit that lies in its image"),
        refused("prctl", "dumpable, tracer, MM, ambient capabilities, securebits, speculation, seccomp with a listener; to outlive who started it"),
        refused("calls", "bpf, perf, fanotify, landlock, splice, memfd, aio, memory policy, execveat, calls newer than the filter"),
        refused("ioctl", "terminal input, file flags, reflinks, NSM, entropy, KVM, namespaces, on each descriptor and device"),
        refused("realtime", "real-time and idle scheduling, nice, I/O priority, locked memory, and their limits"),
        refused("counters", "rdpmc, rdmsr, ports, interrupts, by instruction"),
    ],
    "Keep something for the next step": [
        refused("litter", "leave a file in /tmp, and processes in sessions of their own that ignore signals", says=b"littered\n"),
        refused("daemon", "fork twice into the background, and keep a file without a name", says=b"littered\n"),
        refused("ipc", "System V and POSIX queues, semaphores, shared memory, memfd, names for pipes"),
        refused("locks", "locks and leases on files that all agents see, which others could read"),
        refused("watch", "inotify, fanotify, dnotify, signals of files: to see another agent at work"),
        refused("touch", "note something in times and modes of its root and of devices"),
        refused("timers", "alarms and timers that go off later, or wake the machine"),
        refused("look", "free memory, load and processes of the machine, its name, processes beside it"),
    ],
    "Take more than its share": [
        refused("forkbomb", "fork without end"),
        refused("threads", "threads without end"),
        refused("vfork", "a chain of vforks without end"),
        refused("zombies", "children that end and are never waited for"),
        refused("tmp-fill", "fill /tmp, by writing, reserving, and sparse files"),
        refused("tmp-names", "directories, links and long names without end"),
        refused("descriptors-fill", "event, epoll and file descriptors without end, a higher limit"),
        refused("pipes-fill", "fill the buffers of pipes, and make them larger"),
        refused("maps-fill", "split a mapping into 262,144"),
        refused("memory-fill", "4 GiB by mmap, brk, mremap, mprotect, shared mappings, huge pages"),
        refused("stack-fill", "memory as a stack: higher limit, MAP_GROWSDOWN"),
        refused("arguments-fill", "3 MiB of words for a new program, under a higher limit of stacks"),
        refused("tables-fill", "8 GiB of address space, for its page tables"),
        ends("protect-fill", "1 GiB of pages that are made read-only once they are full", tiers=GROUPED),
        ends("family-fill", "3 GiB in a family of processes, each within its limit", tiers=GROUPED),
    ],
    "Never end": [
        endless("hang", "ignore and block every signal, with children"),
        endless("stop", "stop itself and its children"),
        endless("spin", "as many threads as it gets, all busy"),
        endless("vfork-wait", "wait where only a kill arrives"),
        endless("respawn", "children that replace themselves all the time"),
        endless("close-output", "close its output first"),
        endless("cpu", "count"),
        endless("timer-storm", "as many timers as there may be, each due again at once"),
        endless("long-calls", "calls that take long and look for signals late: 2 GiB from one device to another, in many threads"),
    ],
    "Write without end": [
        ends("flood", "write to standard output until it is stopped", "TOO_LARGE", None),
        ends("flood-errors", "100,000 lines to standard error", says=b"line 0 of many\nline 1"),
        ends("flood-huge", "1 GiB to standard output and to standard error", says=b"xxx"),
        refused("output-sparse", "make its output look long: ftruncate, fallocate, seek, up to 2^62"),
    ],
    "Lie to the runtime": [
        ends("frames", "results of the spawner, reports of the sandbox and words of the launcher to descriptors 3 to 1023", says=b"attempts: "),
        refused("seals", "seal, lease, map and run its output, and be signalled by it"),
        ends("behind", "go on writing, from a process in the background, after it has ended"),
        ends("no-output", "end well with its output turned elsewhere"),
        *[ends(f"exit {status}", f"end with {status}") for status in (1, 2, 64, 126, 127, 128, 137, 255)],
        *[ends(f"fault {name}", f"end by {name}") for name in ("segv", "bus", "ill", "fpe", "trap", "sys", "stack")],
        ends("abort", "abort"),
        *[ends(f"forge {name}", f"an output with a fault: {name}") for name in (
            "port-of-the-input", "port-of-nobody", "port-without-name", "port-longer-name", "port-twice", "port-too-many", "port-none",
            "length-long", "length-short", "length-huge", "tail-cut", "tail-group", "tail-wire-type", "tail-varint", "tail-2-to-the-63",
            "tail-field-0", "type-newline", "type-escape", "type-long", "annotations-many", "annotations-same", "annotations-no-key",
            "annotations-newline")],
        ends("forge content-large", "an output larger than the largest state", "TOO_LARGE", None),
        refused("forge failure-type", "a good output that calls itself a failure: it stays an output", says=b""),
    ],
    "Do what nobody thought of": [
        *[refused(f"random {seed}", "make thousands of random system calls with random arguments, in twelve processes") for seed in (1, 2, 3)],
    ],
    "In other languages": [
        refused("shell walls", "with a shell and the tools of busybox: sockets, mounts, namespaces, devices, clocks, modules, users, files, signals"),
        refused("shell background", "nohup, setsid and a daemon in the background, a file in /tmp", says=b"littered\n"),
        ends("shell bomb", "a function that starts itself twice, until no more are started"),
        endless("shell trap", "trap every signal and count"),
        refused("python walls", "the same from Python's own modules", tiers=QUICK),
        refused("python threads", "threads without end", tiers=QUICK),
        endless("python bomb", "fork without end, every signal ignored", tiers=QUICK),
    ],
}
ATTACKS = [attack for attacks in SECTIONS.values() for attack in attacks]
HONEST = {"clean", "echo", "env", "names"}  # modes that are no attack

CROWD = ("forkbomb", "threads", "tmp-fill", "memory-fill", "pipes-fill", "descriptors-fill", "spin", "respawn", "long-calls", "flood",
         "flood-errors", "protect-fill", "family-fill")
DEADLINE_MS = 100_000
LIMITS = {"memory_mib": 64, "processes": 16, "open_files": 32, "cpu_s": 20, "output_kib": 1792, "tmp_kib": 1024}


def of_tier(tier):
    return [attack for attack in ATTACKS if tier in attack.tiers]


def python_files(builds):
    """Debian's interpreter and its modules, as for the agent deidentify."""
    with tarfile.open(next(path for build in builds for path in build.rglob("deidentify.tar"))) as tar:
        return {entry.name: (entry.mode & 0o777, tar.extractfile(entry).read()) for entry in tar if entry.isfile()}


def image(harness, folder, devd, tier, **more):
    """An image with the agent, written by the peer: cmaw-image puts no set-user-id bit into one. (path, measurements)"""
    agent = harness.program("agent-hostile").read_bytes()
    here = pathlib.Path(__file__).parent / "agents" / "hostile"
    files = python_files(harness.BUILDS) if tier in QUICK else {}
    files |= {"bin/agent": agent, "bin/set-user-id": (0o4755, agent), "bin/busybox": pathlib.Path("/bin/busybox").read_bytes(),
              "hostile.sh": (here / "hostile.sh").read_bytes(), "hostile.py": (here / "hostile.py").read_bytes()}
    settings = {"agent.io": "proto", **{f"agent.{name}": value for name, value in LIMITS.items()}}
    return harness.peer_image(folder, "hostile", devd, files, ("/bin/agent", "--ports"), **more, **settings)


class Target:
    """An enclave that is ready, with the hostile agent in its image."""

    def __init__(self, enclave, deployment, role=1):
        self.enclave, self.deployment = enclave, deployment
        self.plan = sst1.Plan(pb.encode("Plan", {
            "version": 1, "name": "hostile", "manifest": deployment.manifest.mh,
            "steps": [{"id": 1, "name": "one", "role": role, "timeout_s": 120, "max_attempts": 2}],
            "edges": [{"id": 1, "from": 0, "to": 1, "name": "in"}, {"id": 2, "from": 1, "to": 0, "name": "out"}]}), deployment.manifest)

    def step(self, mode, deadline_ms=DEADLINE_MS):
        """(code, content) of one step; the content of a failure is its text behind the code."""
        run = self.deployment.run(self.plan)
        request = {"plan": run.plan.bytes, "ticket": run.ticket, "step": 1, "inputs": [run.seal(1, mode.encode())], "attempt": 1,
                   "deadline_ms": deadline_ms}
        answer = self.enclave.call("step", request)
        if answer.code == "OK":
            return answer.code, run.open(answer.body["states"][0])["content"]
        if answer.code in ("AGENT_FAILED", "AGENT_TIMEOUT"):
            failure = sst1.verify_failure(self.deployment.manifest, run.plan, run.header, answer.body["ak_doc"], answer.body["receipt"],
                                          answer.body["states"][0], run.secrets[2])["content"]
            assert failure.startswith(answer.code.encode() + b"\n")
            return answer.code, failure.split(b"\n", 1)[1]
        assert answer.body is None, answer
        return answer.code, None

    def try_it(self, attack):
        deadline_ms = 500 if attack.code == "AGENT_TIMEOUT" else DEADLINE_MS
        if attack.beside:
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                running = pool.submit(self.step, attack.mode, deadline_ms)
                self.expect_clean()
                result = running.result()
        else:
            result = self.step(attack.mode, deadline_ms)
        self.expect(attack, result)
        self.expect_clean()

    def expect(self, attack, result):
        code, content = result
        assert code == attack.code, (attack.mode, code, content)
        if attack.says is not None:
            matches = content == attack.says if code == "OK" else content.startswith(attack.says)
            assert matches and b"got through" not in content, (attack.mode, code, content)

    def expect_clean(self, mode="clean"):
        """The enclave serves, nothing of an earlier agent runs, and a new one finds the world as new."""
        code, content = self.step(mode)
        assert (code, content) == ("OK", b"refused\n"), content

    def crowd(self, tier):
        """As many as may run at once and more, all hostile: none of it is a fault of the enclave, which answers meanwhile."""
        modes = [attack.mode for attack in of_tier(tier) if attack.mode in CROWD]
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            running = [pool.submit(self.step, mode, 3000) for mode in 2 * modes]
            while concurrent.futures.wait(running, 0.1).not_done:
                assert self.enclave.call("describe").code == "OK"
        codes = {future.result()[0] for future in running}
        assert codes <= {"OK", "AGENT_FAILED", "AGENT_TIMEOUT", "TOO_LARGE", "BUSY"}, codes
        self.expect_idle()

    def expect_idle(self):
        """What was killed is gone, sooner or later."""
        end = time.monotonic() + 120
        while self.enclave.call("stats").body["agents_running"] != 0:
            assert time.monotonic() < end, "an agent that has ended is still counted"
        self.expect_clean("clean whole")
