"""Nobody in without a key: security.py LPC WORK DIGITS [--connections N].

Stages, a gateway and clients with keys: what passes, what is refused and in which words, keys that are changed while
streams go on, a session that was recorded, and strangers by the thousand beside a real client.
"""
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

LPC, WORK, DIGITS = sys.argv[1:4]
CONNECTIONS = int(sys.argv[sys.argv.index("--connections") + 1]) if "--connections" in sys.argv else 3000


def fail(text):
    print(f"security: {text}", file=sys.stderr)
    os._exit(1)  # from whatever thread


def check(good, text):
    if not good:
        fail(text)


def lpc(*words, status=0, timeout=60):
    """What it said."""
    done = subprocess.run([LPC, *words], capture_output=True, text=True, timeout=timeout)
    check(done.returncode == status, f"lpc {' '.join(words[:8])}: status {done.returncode}: {done.stderr}")
    return done.stderr + done.stdout


def keys(name, *lines):
    """A file of them."""
    path = f"{WORK}/{name}"
    with open(path, "w", opener=lambda p, f: os.open(p, f, 0o600)) as file:
        file.write("".join(lines))
    return path


class Program:
    """A stage or a gateway, until end()."""

    def __init__(self, name, *words):
        self.path, self.name = f"{WORK}/{name}.log", name
        self.log = open(self.path, "w")
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline().split()
        check(line, f"{name} does not start: {self.said()}")
        self.address = line[-1]
        self.port = int(self.address.rsplit(":", 1)[1])

    def said(self):
        with open(self.path) as file:
            return file.read()

    def waits_to_say(self, text):
        end = time.monotonic() + 10
        while not re.search(text, self.said()):
            check(time.monotonic() < end, f"{self.name} does not say '{text}': {self.said()}")
            time.sleep(0.02)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=10)
        check(status == 0, f"{self.name}: status {status}: {self.said()}")


def start_stages(out, file, streams=2):
    words = ["--serve", "--streams", str(streams), "--keys", file]
    last = Program("last", f"{out}/host-2/stage", "--listen", "127.0.0.1:0", *words)
    first = Program("first", f"{out}/host/stage", "--listen", "127.0.0.1:0", "--forward", last.address, *words)
    return first, last


def at(first, last):
    return ["--connect", first.address, "--collect", last.address]


# ---- Which addresses need keys ----

def exposed(out):
    stage = f"{out}/host-2/stage"
    for words in (["--listen", "*:0"], ["--listen", "127.0.0.1:0", "--forward", "10.0.0.1:1"]):
        done = subprocess.run([stage, *words], capture_output=True, text=True, timeout=10)
        check(done.returncode == 2 and done.stderr.count("\n") == 1 and "--keys FILE" in done.stderr,
              f"stage {words}: status {done.returncode}: {done.stderr}")
    open_one = Program("insecure", stage, "--listen", "*:0", "--insecure", "--serve")
    open_one.waits_to_say("--insecure: nothing is encrypted")
    open_one.end()
    for words in (["run", out, "--connect", "10.0.0.1:1"], ["serve", out, "--connect", "10.0.0.1:1", "--http", "127.0.0.1:0"],
                  ["serve", out, "--connect", "127.0.0.1:1", "--listen", "*:0"]):
        check("--keys FILE" in lpc(*words, status=2), f"lpc {words}")
    loose = keys("loose", lpc("keys"))
    os.chmod(loose, 0o644)
    done = subprocess.run([stage, "--listen", "*:0", "--keys", loose], capture_output=True, text=True, timeout=10)
    check(done.returncode == 2 and "chmod 600" in done.stderr, f"a file that others may read: {done.stderr}")


# ---- Who is let in ----

def refused(out, first, last, file, client, stage):
    """A client with these keys (None: plain) hears that, and the last stage says that."""
    words = ["--keys", file] if file else []
    told = lpc("run", out, *at(first, last), *words, status=1)
    check(re.search(client, told), f"the client of {file}: {told}")
    last.waits_to_say(stage)
    secret = open(file).read().split()[1] if file else "none"
    check(secret not in told + last.said(), "a secret was told")


def who_gets_in(out):
    own = lpc("keys", "--key", "own")
    first, last = start_stages(out, keys("own", own))
    lpc("run", out, "--output", f"{WORK}/plain")
    lpc("run", out, *at(first, last), "--keys", f"{WORK}/own", "--output", f"{WORK}/secret")
    for name in os.listdir(f"{WORK}/plain"):
        with open(f"{WORK}/plain/{name}", "rb") as a, open(f"{WORK}/secret/{name}", "rb") as b:
            check(a.read() == b.read(), f"{name} differs")
    refused(out, first, last, keys("another", lpc("keys", "--key", "another")), "refuses key 'another'",
            "comes with key 'another', which is unknown here")
    refused(out, first, last, keys("same-name", lpc("keys", "--key", "own")), "refuses key 'own'",
            "does not know the secret of key 'own'")
    refused(out, first, last, None, "wants --keys", "speaks no TLS")
    first.end()
    last.end()
    # A stage without keys answers a client with some nothing.
    plain = Program("plain", f"{out}/host-2/stage", "--listen", "127.0.0.1:0", "--serve")
    told = lpc("run", out, "--connect", plain.address, "--keys", f"{WORK}/own", status=1)
    check("left before it had proved its key" in told, f"a plain stage: {told}")
    plain.end()


# ---- One that hangs ----

def hangs(out):
    """Before its handshake, too, a stage that hangs is found by its silence."""
    file = keys("own", lpc("keys"))
    first, last = start_stages(out, file)
    last.process.send_signal(signal.SIGSTOP)
    begin = time.monotonic()
    told = lpc("run", out, *at(first, last), "--keys", file, "--heartbeat", "0.5", status=1)
    check("gives no sign of life" in told and time.monotonic() - begin < 5, f"a stage that hangs: {told}")
    last.process.send_signal(signal.SIGCONT)
    lpc("run", out, *at(first, last), "--keys", file)
    first.end()
    last.end()


# ---- Keys are changed while a stream goes on ----

def rotation(out):
    old, new = lpc("keys", "--key", "old"), lpc("keys", "--key", "new")
    shared = keys("shared", old)
    first, last = start_stages(out, shared)
    old_client, new_client = keys("old", old), keys("new", new)
    running = subprocess.Popen([LPC, "run", out, *at(first, last), "--keys", old_client, "--repeat", "30000", "--json"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    for step, lines in enumerate(((old, new), (new, old), (new,))):
        keys("shared", *lines)
        for stage in (first, last):
            stage.process.send_signal(signal.SIGHUP)
            stage.waits_to_say("(?s)" + "keys were read again.*" * (step + 1))
        lpc("run", out, *at(first, last), "--keys", new_client)
        if old in lines:
            lpc("run", out, *at(first, last), "--keys", old_client)
    check(running.poll() is None, "the stream was to go on for longer")
    refused(out, first, last, old_client, "refuses key 'old'", "comes with key 'old', which is unknown here")
    with open(f"{WORK}/shared", "w") as file:
        file.write("nonsense\n")
    first.process.send_signal(signal.SIGHUP)
    first.waits_to_say("keys stay as they were")
    lpc("run", out, *at(first, last), "--keys", new_client)
    said, told = running.communicate(timeout=60)
    check(running.returncode == 0 and '"frames":30000' in said, f"the old stream: {told}{said}")
    first.end()
    last.end()


# ---- A session that was recorded ----

class Recorder:
    """Passes connections on, and keeps what clients sent on each."""

    def __init__(self, port):
        self.port, self.sent = port, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            stage = socket.create_connection(("127.0.0.1", self.port))
            self.sent.append(bytearray())
            threading.Thread(target=self.copy, args=(client, stage, self.sent[-1]), daemon=True).start()
            threading.Thread(target=self.copy, args=(stage, client, bytearray()), daemon=True).start()

    @staticmethod
    def copy(source, to, kept):
        try:
            while data := source.recv(65536):
                kept += data
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def record(out, first, last, file):
    """What a client sent to the last stage and to the first one."""
    recorders = [Recorder(stage.port) for stage in (first, last)]
    lpc("run", out, "--connect", recorders[0].address, "--collect", recorders[1].address, "--keys", file)
    for recorder in recorders:
        check(len(recorder.sent) == 1 and len(recorder.sent[0]) > 200, "nothing was recorded")
        check(b"LPC" not in recorder.sent[0], "something went over the wire as it is")
    return [bytes(recorder.sent[0]) for recorder in recorders]


def replay(stages, sessions):
    """Sends the same again; what the stages answer must end before anything of the stream's."""
    ends = []
    for stage, session in zip(reversed(stages), reversed(sessions)):  # results are attached first
        end = socket.create_connection(("127.0.0.1", stage.port))
        end.settimeout(5)
        end.sendall(session)
        ends.append(end)
    for end in ends:
        got = b""
        try:
            while data := end.recv(65536):
                got += data
        except ConnectionResetError:
            pass
        check(len(got) < 400, f"a recorded session got {len(got)} bytes")
    for stage in stages:
        stage.waits_to_say("does not know the secret of key 'own'")


# ---- Strangers by the thousand ----

def strangers(ports, hello, count):
    """In a process of its own, which leaves the processors to the others."""
    os.nice(19)
    held = []
    for i in range(count):
        try:
            one = socket.create_connection(("127.0.0.1", ports[i % 2]), timeout=2)
            one.setblocking(False)
            kind = i // 2 % 4
            if kind == 1:
                one.send(os.urandom(300))
            elif kind == 2:
                one.send(hello)
            elif kind == 3:
                one.send(hello[:7])
            held.append(one)
            for dripping in held[3:60:4]:
                dripping.send(b"\x01")
        except OSError:
            pass
        if len(held) > 400:
            held.pop(0).close()
        time.sleep(0.0005)
    os._exit(0)


def rate(out, first, last, file, frames):
    begin = time.monotonic()
    said = lpc("run", out, *at(first, last), "--keys", file, "--repeat", str(frames), "--json")
    check(f'"frames":{frames}' in said, said)
    return frames / (time.monotonic() - begin)


def memory(stage):
    with open(f"/proc/{stage.process.pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))


def flood(out, first, last, file, hello):
    before, small = rate(out, first, last, file, 8000), memory(last)
    child = os.fork()
    if not child:
        strangers((first.port, last.port), hello, CONNECTIONS)
    during, slowest, runs = [], 0, 0
    while not os.waitpid(child, os.WNOHANG)[0]:
        begin = time.monotonic()
        lpc("run", out, *at(first, last), "--keys", file, "--retry", "10")
        slowest, runs = max(slowest, time.monotonic() - begin), runs + 1
        during.append(rate(out, first, last, file, 8000))
    middle = sorted(during)[len(during) // 2]
    print(f"security: {before:.0f} frames/s alone, {middle:.0f} beside {CONNECTIONS} strangers; of {runs} new clients the "
          f"slowest was served in {slowest:.2f} s; memory {small} KiB before, {memory(last)} after")
    check(slowest < 5, f"a new client waited for {slowest:.1f} s")
    check(middle > before / 3, "strangers slow down a real client")  # they share this machine's processors with it
    check(memory(last) < small + 8192, f"memory grew from {small} to {memory(last)} KiB")


def strangers_and_recorded(out):
    file = keys("own", lpc("keys", "--key", "own"))
    first, last = start_stages(out, file)
    sessions = record(out, first, last, file)
    replay((first, last), sessions)
    lpc("run", out, *at(first, last), "--keys", file)
    record_bytes = 5 + int.from_bytes(sessions[0][3:5], "big")
    flood(out, first, last, file, sessions[0][:record_bytes])
    first.end()
    last.end()


# ---- The gateway ----

def gateway(out):
    file = keys("own", lpc("keys", "--key", "own"))
    first, last = start_stages(out, file)
    gate = Program("gateway", LPC, "serve", out, *at(first, last), "--keys", file, "--listen", "127.0.0.1:0")
    lpc("run", out, "--connect", gate.address, "--keys", file, "--repeat", "100")
    told = lpc("run", out, "--connect", gate.address, "--keys", keys("another", lpc("keys")), status=1)
    check("refuses key" in told, told)
    check("wants --keys" in lpc("run", out, "--connect", gate.address, status=1), "a plain client")
    gate.process.send_signal(signal.SIGHUP)
    gate.waits_to_say("keys were read again")
    lpc("run", out, "--connect", gate.address, "--keys", file)
    gate.end()
    first.end()
    last.end()


def main():
    out = f"{WORK}/digits"
    lpc(DIGITS, "--quiet", "-o", out, "--targets", "host,host")
    exposed(out)
    who_gets_in(out)
    hangs(out)
    rotation(out)
    gateway(out)
    strangers_and_recorded(out)


main()
