"""Faults in a loaded pipeline: faults.py LPC WORK DIGITS SHARED_MODELS [--faults N] [--seed S].

Three stages that stay up serve four clients at once. A seeded sequence of faults kills, ends and halts them and
starts them again; where network namespaces can be made, stages are machines of their own, too, whose links are encrypted,
and their cables are pulled. Every client must get every answer, once, its own, in order: its frames are its own, and what
it writes is compared with what one stage alone makes of them. After a stage runs again, some client must have an
answer within two seconds.
"""
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time

from pipeline_models import DECODER, DECODER_CUT, write_npy

LPC, WORK, DIGITS, SHARED = sys.argv[1:5]
CLIENTS, RECOVERY = 4, 2.0
HEARTBEAT = 0.5


def option(name, default):
    return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


def fail(text):
    print(f"faults: {text}", file=sys.stderr)
    if Network.made:
        Network.made.remove()
    os._exit(1)  # from whatever thread


def lpc(*arguments):
    done = subprocess.run([LPC, *arguments], capture_output=True, text=True)
    if done.returncode:
        fail(f"lpc {' '.join(arguments[:6])} ...: {done.stderr}")


class Network:
    """A bridge, and for each stage a namespace with a cable to it. The clients are at the bridge."""
    made = None

    def __init__(self, count):
        self.id, self.count = os.getpid() % 100000, count
        self.bridge, self.subnet = f"lpcb{self.id}", f"10.213.{self.id % 250}"
        Network.made = self
        self.ip("link", "add", self.bridge, "type", "bridge")
        self.ip("addr", "add", f"{self.subnet}.1/24", "dev", self.bridge)
        self.ip("link", "set", self.bridge, "up")
        for i in range(count):
            self.ip("netns", "add", self.space(i))
            self.ip("link", "add", self.cable(i), "type", "veth", "peer", "name", "eth0", "netns", self.space(i))
            self.ip("link", "set", self.cable(i), "master", self.bridge, "up")
            self.ip("-n", self.space(i), "addr", "add", f"{self.host(i)}/24", "dev", "eth0")
            self.ip("-n", self.space(i), "link", "set", "eth0", "up")

    def space(self, i):
        return f"lpc{self.id}s{i}"

    def cable(self, i):
        return f"lpcv{self.id}s{i}"

    def host(self, i):
        return f"{self.subnet}.{2 + i}"

    @staticmethod
    def ip(*words):
        subprocess.run(["ip", *words], check=True, capture_output=True)

    def remove(self):
        for i in range(self.count):
            subprocess.run(["ip", "netns", "del", self.space(i)], capture_output=True)
        subprocess.run(["ip", "link", "del", self.bridge], capture_output=True)
        Network.made = None


def secrets(network):
    """What stages and clients on several machines are told of keys."""
    if not network:
        return []
    told = subprocess.run([f"{WORK}/digits/host/stage", "--help"], capture_output=True, text=True).stdout
    if "without mbed TLS" in told:
        return ["--insecure"]
    file = f"{WORK}/keys"
    if not os.path.exists(file):
        if subprocess.run([LPC, "keys", "-o", file]).returncode:
            fail("lpc keys")
    return ["--keys", file]


class Stage:
    """A stage's program: started on a port that it keeps, on this machine or on one of its own."""

    def __init__(self, out, stage, forward, network, index):
        self.program, self.name, self.forward = f"{out}/{stage['program']}", stage["name"], forward
        self.log = open(f"{WORK}/{self.name}.log", "a")
        self.network, self.index = network, index
        self.address = f"{network.host(index)}:7001" if network else "127.0.0.1:0"
        self.start()

    def start(self):
        words = ["ip", "netns", "exec", self.network.space(self.index)] if self.network else []
        words += [self.program, "--listen", self.address, "--serve", "--streams", str(CLIENTS),
                  "--heartbeat", str(HEARTBEAT), "--timeout", "20"]
        if self.forward:
            words += ["--forward", self.forward]
        words += secrets(self.network)
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline().split()
        if not line:
            fail(f"stage '{self.name}' does not start again: status {self.process.wait()}")
        self.address = line[-1]

    def end(self, number):
        begin = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait()
        if number == signal.SIGTERM and (status or time.monotonic() - begin > 1.5):
            fail(f"stage '{self.name}': SIGTERM: status {status} after {time.monotonic() - begin:.1f} s")


class Client(threading.Thread):
    """Runs `lpc run` again and again until it is told to stop; each run must be right."""

    def __init__(self, index, out, stages, inputs, expected):
        super().__init__()
        self.folder, self.runs, self.stopping = f"{WORK}/client{index}", 0, False
        self.words = [LPC, "run", out, "--connect", stages[0].address, "--collect", stages[-1].address,
                      "--retry", "30", "--heartbeat", str(HEARTBEAT), "--output", self.folder, *secrets(stages[0].network), *inputs]
        self.expected = expected

    def answers(self):
        """How many there are so far, of all runs."""
        try:
            return self.runs * len(self.expected) + len(os.listdir(self.folder))
        except FileNotFoundError:
            return self.runs * len(self.expected)

    def run(self):
        while not self.stopping:
            shutil.rmtree(self.folder, ignore_errors=True)
            done = subprocess.run(self.words, capture_output=True, text=True)
            if done.returncode:
                fail(f"{self.folder}: status {done.returncode}: {done.stderr}")
            for name, data in self.expected.items():
                with open(f"{self.folder}/{name}", "rb") as file:
                    if file.read() != data:
                        fail(f"{self.folder}: {name} is wrong")
            self.runs += 1


def read_folder(folder):
    found = {}
    for name in os.listdir(folder):
        with open(f"{folder}/{name}", "rb") as file:
            found[name] = file.read()
    return found


def wait_for_answers(clients, since, what):
    """Until there are more answers than `since`; the seconds that it took."""
    begin = time.monotonic()
    while sum(client.answers() for client in clients) <= since:
        if time.monotonic() - begin > 10 * RECOVERY:
            fail(f"no answer for {10 * RECOVERY:g} s after {what}")
        time.sleep(0.005)
    return time.monotonic() - begin


def one_fault(chance, stages, clients):
    """Harms a stage and mends it; the seconds until there is an answer again, and what was done."""
    stage = chance.choice(stages)
    kinds = ("kill", "kill", "end", "halt", "halt", "kill two") + ("cable",) * (4 if stage.network else 0)
    kind = chance.choice(kinds)
    away = chance.uniform(0, 0.3) if chance.random() < 0.9 else chance.uniform(0.5, 2)
    if kind == "cable":
        away = chance.uniform(0.2, 2) if chance.random() < 0.9 else chance.uniform(4, 8)
    what = f"{kind} of '{stage.name}' for {away:.2f} s"
    if kind == "cable":
        Network.ip("link", "set", stage.network.cable(stage.index), "down")
        time.sleep(away)
        Network.ip("link", "set", stage.network.cable(stage.index), "up")
    elif kind == "halt":
        stage.process.send_signal(signal.SIGSTOP)
        time.sleep(away)
        stage.process.send_signal(signal.SIGCONT)
    else:
        harmed = {stage, chance.choice(stages)} if kind == "kill two" else {stage}
        for one in harmed:
            one.end(signal.SIGTERM if kind == "end" else signal.SIGKILL)
        time.sleep(away)
        for one in harmed:
            one.start()
    since = sum(client.answers() for client in clients)
    return wait_for_answers(clients, since, what), what


def harm(name, out, inputs, count, seed, network=None):
    chance = random.Random(seed)
    with open(f"{out}/manifest.json") as file:
        described = json.load(file)["stages"]
    stages, forward = [], None
    for index, stage in reversed(list(enumerate(described))):
        stages.insert(0, Stage(out, stage, forward, network, index))
        forward = stages[0].address
    clients = []
    for index, words in enumerate(inputs):
        expected = f"{out}.expected{index}"
        lpc("run", f"{out}.whole", "--output", expected, *words)
        clients.append(Client(index, out, stages, words, read_folder(expected)))
    for client in clients:
        client.start()
    wait_for_answers(clients, 0, "the start")
    worst = (0, "")
    for _ in range(count):
        worst = max(worst, one_fault(chance, stages, clients))
        time.sleep(chance.uniform(0, 0.2))
    for client in clients:
        client.stopping = True
    for client in clients:
        client.join()
    for stage in stages:
        stage.end(signal.SIGTERM)
    if worst[0] > RECOVERY:
        fail(f"{name}: the first answer came {worst[0]:.1f} s after {worst[1]}")
    print(f"faults: {name}: {count} faults, {sum(c.runs for c in clients)} runs of "
          f"{len(clients[0].expected)} answers, the slowest recovery {worst[0]:.2f} s after {worst[1]}")


def digits(count, seed):
    for targets, name in (("host,host,host", "digits"), ("host", "digits.whole")):
        lpc(DIGITS, "--quiet", "-o", f"{WORK}/{name}", "--targets", targets)
    inputs = []
    for client in range(CLIENTS):
        chance, words = random.Random(client), []
        for frame in range(400):
            path = f"{WORK}/{client}.{frame}.npy"
            write_npy(path, "<f4", (1, 1, 8, 8), struct.pack("<64f", *(chance.uniform(0, 1) for _ in range(64))))
            words += ["--input", f"pixels={path}"]
        inputs.append(words)
    harm("digits", f"{WORK}/digits", inputs, count, seed)
    try:
        network = Network(3)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"faults: no network namespaces here ({error}): cables skipped")
        return
    harm("digits on three machines", f"{WORK}/digits", inputs, count, seed + 1, network)


def decoder(count, seed):
    """Sessions with state: what a client has after a fault is what it would have without."""
    model = f"{SHARED}/stories260k-kv/model.onnx"
    if not os.path.exists(model):
        print(f"faults: no {model} here: sessions skipped")
        return
    for targets, name in (("host,host,host", "decoder"), ("host", "decoder.whole")):
        cut = ["--cut-after", DECODER_CUT] if name == "decoder" else []
        lpc(model, "--quiet", "-o", f"{WORK}/{name}", "--targets", targets, *DECODER, *cut)
    inputs = [["--seed", str(client + 1), "--repeat", "200", "--feedback", "input_ids=argmax(logits)"]
              for client in range(CLIENTS)]
    harm("decoder", f"{WORK}/decoder", inputs, count, seed)


def main():
    count, seed = option("--faults", 15), option("--seed", 1)
    digits(count, seed)
    if Network.made:
        Network.made.remove()
    decoder(count, seed)


main()
