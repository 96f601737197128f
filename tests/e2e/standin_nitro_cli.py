#!/usr/bin/env python3
"""A stand-in for nitro-cli, which runs on no hardware: it replays what the user guide and nitro-cli's issues show. CMAW_STANDIN names its folder:
plan.json says what goes wrong, enclaves/ID.json is what runs, calls is what was asked. An "enclave" is a process that waits."""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "peer"))
import eif  # noqa: E402

FOLDER = pathlib.Path(os.environ["CMAW_STANDIN"])
PLAN = json.loads((FOLDER / "plan.json").read_text())
WORDS = {"E36": "Enclave boot failure. Such error appears when no ready signal comes from a freshly booted enclave.", "E39": "Enclave process connection failure.",
         "E11": "Socket error.", "E22": "Insufficient CPUs available in the pool.", "E26": "Insufficient memory requested.",
         "E27": "Insufficient memory available.", "E29": "Ioctl failure.", "E35": "EIF file parsing error.", "E59": "EIF signature check failure."}


def say(text):
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def fail(codes):
    """Codes as nitro-cli prints them; it ends with the number of the last, which for a failed run is mostly 39."""
    for code in codes:
        say(f"[ {code} ] {WORDS.get(code, 'An error.')}\n\nFor more details, please visit https://docs.aws.amazon.com/enclaves/latest/user/cli-errors.html#{code}\n")
    sys.exit(int(codes[-1][1:]))


def misbehave(command):
    """What the plan has for this command, before it does anything."""
    plan = PLAN.get(command, {})
    if "fifo" in plan:
        (FOLDER / "waiting").touch()
        with open(FOLDER / plan["fifo"], "rb") as fifo:  # until the test opens it
            fifo.read()
    if "noise" in plan:
        sys.stderr.write("x" * plan["noise"] + "\n")
    if "codes" in plan:
        say("Start allocating memory...")
        fail(plan["codes"])
    if "print" in plan:
        sys.stdout.write(plan["print"] * plan.get("times", 1))
        sys.stdout.flush()
        sys.exit(plan.get("status", 0))
    if "signal" in plan:
        os.kill(os.getpid(), plan["signal"])
    return plan


def state(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def alive(pid):
    return state(pid) not in "ZX"


def enclaves():
    found = [json.loads(path.read_text()) for path in sorted((FOLDER / "enclaves").glob("*.json"))]
    return [e for e in found if alive(e["ProcessID"])]


def start_process():
    """The process that keeps the enclave is in the background: our child's child, with our own output still open."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        process = subprocess.Popen(["sleep", "infinity"])
        while state(process.pid) not in "SZ":  # tests know one that runs by its sleep
            os.sched_yield()
        os.write(writer, str(process.pid).encode())
        os._exit(0)
    os.wait()
    return int(os.read(reader, 32))


def end_silently(plan):
    """The enclave runs, and nobody is told its id."""
    if "afterwards" in plan:
        os.kill(os.getpid(), plan["afterwards"])
    if plan.get("untold"):
        print("{}")
        sys.exit(plan.get("status", 0))


def run(args):
    try:
        (FOLDER / "starting").mkdir()
    except FileExistsError:
        fail(["E36", "E39"])  # two starts at once share one heartbeat port
    try:
        plan = misbehave("run-enclave")
        say("Start allocating memory...")
        running = enclaves()
        used = {cpu for e in running for cpu in e["CPUIDs"]}
        cpus = [cpu for cpu in PLAN["pool"] if cpu not in used][:args.cpu_count]
        cid = args.enclave_cid or 16 + len(running)
        say(f"Started enclave with enclave-cid: {cid}, memory: {args.memory} MiB, cpu-ids: {cpus}")
        pid = start_process()
        number = len(list((FOLDER / "enclaves").iterdir()))
        shown = {"EnclaveName": args.enclave_name, "EnclaveID": f"i-0123456789abcdef0-enc018f{number:04x}", "ProcessID": pid, "EnclaveCID": cid,
                 "NumberOfCPUs": args.cpu_count, "CPUIDs": cpus, "MemoryMiB": args.memory}
        pcrs = eif.measure(eif.read(pathlib.Path(plan.get("image", args.eif_path)).read_bytes()))
        more = {"State": PLAN.get("state", "RUNNING"), "Flags": PLAN.get("debug", "DEBUG_MODE") if args.debug_mode else "NONE",
                "Measurements": {"HashAlgorithm": "Sha384 { ... }", **{f"PCR{i}": pcrs[i].hex() for i in pcrs}}}
        (FOLDER / "enclaves" / f"{number}.json").write_text(json.dumps({**shown, **more}))
        if plan.get("dies"):
            os.kill(pid, signal.SIGKILL)
        end_silently(plan)
        print(json.dumps({**shown, "ProcessID": plan.get("process", pid)}, indent=2))
    finally:
        (FOLDER / "starting").rmdir()


def describe(_):
    misbehave("describe-enclaves")
    print(json.dumps(enclaves(), indent=2))


def find(enclave_id):
    return next((e for e in enclaves() if e["EnclaveID"] == enclave_id), None) or fail(["E11"])


def terminate(args):
    misbehave("terminate-enclave")
    enclave = find(args.enclave_id)
    os.kill(enclave["ProcessID"], signal.SIGKILL)
    say("Successfully terminated enclave " + args.enclave_id + ".")
    print(json.dumps({"EnclaveName": enclave["EnclaveName"], "EnclaveID": args.enclave_id, "Terminated": True}, indent=2))


def console(args):
    enclave = find(args.enclave_id)
    assert enclave["Flags"] != "NONE"
    say(f"Connecting to the console for enclave {enclave['EnclaveCID']}...\nSuccessfully connected to the console.")
    print(PLAN.get("console", "hello from the console"), flush=True)
    signal.pause()


def main():
    with open(FOLDER / "calls", "a") as calls:
        calls.write(" ".join(sys.argv[1:]) + "\n")
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("run-enclave")
    for option, kind in (("--cpu-count", int), ("--memory", int), ("--eif-path", str), ("--enclave-name", str)):
        verb.add_argument(option, type=kind, required=True)
    verb.add_argument("--enclave-cid", type=int)
    verb.add_argument("--debug-mode", action="store_true")
    verb.set_defaults(run=run)
    verbs.add_parser("describe-enclaves").set_defaults(run=describe)
    for name, function in (("terminate-enclave", terminate), ("console", console)):
        verb = verbs.add_parser(name)
        verb.add_argument("--enclave-id", required=True)
        verb.set_defaults(run=function)
    args = parser.parse_args()
    args.run(args)


main()
