"""The gateway: serve.py LPC WORK DIGITS SHARED_MODELS. Each case is a function below; main calls them."""
import http.client
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time

import onnx_writer as w  # beside this file

from pipeline_models import DECODER, DECODER_CUT, write_npy

LPC, WORK, DIGITS, SHARED = sys.argv[1:5]
CLIENTS, FRAMES = 4, 60


def fail(text):
    print(f"serve: {text}", file=sys.stderr)
    os._exit(1)  # from whatever thread


def check(right, text):
    if not right:
        fail(text)


def lpc(*arguments, status=0):
    done = subprocess.run([LPC, *arguments], capture_output=True, text=True)
    check(done.returncode == status, f"lpc {' '.join(arguments[:6])} ...: {done.returncode}: {done.stderr}")
    return done


def read_npy(path):
    with open(path, "rb") as file:
        data = file.read()
    return data[10 + struct.unpack("<H", data[8:10])[0]:]


# ---- What runs ----

class Program:
    """A process that says where it listens and keeps its ports when it starts again."""

    def __init__(self, words, name):
        self.words, self.log = words, open(f"{WORK}/{name}.log", "a")
        self.name, self.addresses = name, []
        self.start()

    def start(self):
        count = sum(word in ("--listen", "--http") for word in self.words)
        self.process = subprocess.Popen(self.words, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.addresses = []
        for _ in range(count):
            line = self.process.stdout.readline().split()
            check(line, f"{self.name} does not start: {open(self.log.name).read()}")
            self.addresses.append(line[-1])
        for at, word in enumerate(self.words):
            if word in ("--listen", "--http"):
                index = [x for x in self.words[:at + 1] if x in ("--listen", "--http")]
                self.words[at + 1] = self.addresses[len(index) - 1]

    def end(self, number=signal.SIGTERM, most=1.0):
        begin = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait()
        took = time.monotonic() - begin
        check(number != signal.SIGTERM or (status == 0 and took < most),
              f"{self.name}: SIGTERM: status {status} after {took:.2f} s")


def start_stages(out, streams, stages=None):
    """The stages of a package, on the addresses of `stages` when these are given."""
    with open(f"{out}/manifest.json") as file:
        described = json.load(file)["stages"]
    made, forward = [], None
    for index, stage in reversed(list(enumerate(described))):
        address = stages[index].addresses[0] if stages else "127.0.0.1:0"
        words = [f"{out}/{stage['program']}", "--listen", address, "--serve", "--streams", str(streams),
                 "--heartbeat", "0.5", "--timeout", "20"]
        words += ["--forward", forward] if forward else []
        made.insert(0, Program(words, stage["name"]))
        forward = made[0].addresses[0]
    return made


def start_gateway(out, stages, *more):
    first, last = stages[0], stages[-1]
    if not isinstance(first, str):
        first, last = first.addresses[0], last.addresses[0]
    return Program([LPC, "serve", out, "--connect", first, "--collect", last, "--listen", "127.0.0.1:0",
                    "--http", "127.0.0.1:0", "--heartbeat", "0.5", *more], "gateway")


# ---- HTTP ----

def ask(address, method, path, body=None, headers=None, timeout=60):
    host, port = address.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=timeout)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, data, dict(answer.getheaders())


def tensor(name, kind, shape, data):
    return {"name": name, "datatype": kind, "shape": shape, "data": data}


def infer(address, model, request, status=200):
    got, data, _ = ask(address, "POST", f"/v2/models/{model}/infer", json.dumps(request))
    check(got == status, f"infer: status {got}, expected {status}: {data[:300]}")
    return json.loads(data)


def infer_binary(address, model, inputs):
    """inputs: (name, datatype, shape, bytes); the outputs as name: bytes."""
    described = [{"name": n, "datatype": k, "shape": s, "parameters": {"binary_data_size": len(b)}}
                 for n, k, s, b in inputs]
    head = json.dumps({"inputs": described, "parameters": {"binary_data_output": True}}).encode()
    got, data, headers = ask(address, "POST", f"/v2/models/{model}/infer", head + b"".join(i[3] for i in inputs),
                             {"Inference-Header-Content-Length": str(len(head))})
    check(got == 200, f"binary infer: status {got}: {data[:300]}")
    length = int(headers["Inference-Header-Content-Length"])
    at, outputs = length, {}
    for output in json.loads(data[:length])["outputs"]:
        size = output["parameters"]["binary_data_size"]
        outputs[output["name"]] = data[at:at + size]
        at += size
    check(at == len(data), "binary infer: bytes are left")
    return outputs


# ---- Digits: no state ----

class Digits:
    """Frames of each client, and what one stage alone makes of them."""

    def __init__(self):
        lpc(DIGITS, "--quiet", "-o", f"{WORK}/digits", "--targets", "host,host,host")
        lpc(DIGITS, "--quiet", "-o", f"{WORK}/whole", "--targets", "host")
        self.out, self.pixels, self.words, self.expected = f"{WORK}/digits", [], [], []
        for client in range(CLIENTS):
            chance, words, frames = random.Random(client), [], []
            for frame in range(FRAMES):
                path = f"{WORK}/{client}.{frame}.npy"
                frames.append(struct.pack("<64f", *[chance.uniform(0, 1) for _ in range(64)]))
                write_npy(path, "<f4", (1, 1, 8, 8), frames[-1])
                words += ["--input", f"pixels={path}"]
            self.pixels.append(frames)
            self.words.append(words)
            lpc("run", f"{WORK}/whole", "--output", f"{WORK}/expected{client}", *words)
            self.expected.append([read_npy(f"{WORK}/expected{client}/probabilities.{f}.npy") for f in range(FRAMES)])


class Clients:
    """Threads that ask again and again, each its own, until they are told to stop."""

    def __init__(self, digits, gateway):
        self.digits, self.gateway, self.stopping, self.count = digits, gateway, False, 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=job, args=(i,)) for i, job in
                        enumerate((self.wire, self.wire, self.json, self.binary))]
        for thread in self.threads:
            thread.start()

    def did(self, count):
        with self.lock:
            self.count += count

    def wire(self, i):
        while not self.stopping:
            folder = f"{WORK}/got{i}"
            shutil.rmtree(folder, ignore_errors=True)
            lpc("run", self.digits.out, "--connect", self.gateway.addresses[0], "--output", folder,
                "--heartbeat", "0.5", *self.digits.words[i])
            got = [read_npy(f"{folder}/probabilities.{f}.npy") for f in range(FRAMES)]
            check(got == self.digits.expected[i], f"wire client {i}: a wrong answer")
            self.did(FRAMES)

    def json(self, i):
        while not self.stopping:
            for pixels, expected in zip(self.digits.pixels[i], self.digits.expected[i]):
                values = list(struct.unpack("<64f", pixels))
                answer = infer(self.gateway.addresses[1], "digits",
                               {"inputs": [tensor("pixels", "FP32", [1, 1, 8, 8], values)]})
                got = struct.pack("<10f", *answer["outputs"][0]["data"])
                check(got == expected, f"JSON client {i}: a wrong answer")
                self.did(1)

    def binary(self, i):
        while not self.stopping:
            for pixels, expected in zip(self.digits.pixels[i], self.digits.expected[i]):
                got = infer_binary(self.gateway.addresses[1], "digits",
                                   [("pixels", "FP32", [1, 1, 8, 8], pixels)])
                check(got["probabilities"] == expected, f"binary client {i}: a wrong answer")
                self.did(1)

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()


def wait_until(what, holds, seconds=20):
    end = time.monotonic() + seconds
    while not holds():
        check(time.monotonic() < end, f"not within {seconds} s: {what}")
        time.sleep(0.02)


def health(digits):
    """Before there is a pipeline, with it, and without it again."""
    ports = start_stages(digits.out, 1)
    for stage in ports:
        stage.end()
    gateway = start_gateway(digits.out, ports, "--retry", "1")
    web = gateway.addresses[1]
    check(ask(web, "GET", "/v2/health/live")[0] == 200, "not alive")
    check(ask(web, "GET", "/v2/health/ready")[0] == 503, "ready without a pipeline")
    check(ask(web, "GET", "/v2/models/digits/ready")[0] == 503, "the model is ready without a pipeline")
    request = {"inputs": [tensor("pixels", "FP32", [1, 1, 8, 8], [0] * 64)]}
    told = infer(web, "digits", request, 503)["error"]
    check("cannot connect" in told or "not there" in told, f"without a pipeline: {told}")
    done = lpc("run", digits.out, "--connect", gateway.addresses[0], "--heartbeat", "0.5", status=1)
    check("cannot connect" in done.stderr or "not there" in done.stderr, f"a wire client hears: {done.stderr}")
    stages = start_stages(digits.out, 1, ports)
    wait_until("ready", lambda: ask(web, "GET", "/v2/health/ready")[0] == 200)
    infer(web, "digits", request)
    stages[1].end(signal.SIGKILL)
    wait_until("not ready", lambda: ask(web, "GET", "/v2/health/ready")[0] == 503)
    stages[1].start()
    wait_until("ready again", lambda: ask(web, "GET", "/v2/health/ready")[0] == 200)
    infer(web, "digits", request)
    gateway.end()
    return stages


def load(digits, stages, gateway):
    """Clients of all kinds at once, while stages are killed and started again."""
    clients = Clients(digits, gateway)
    wait_until("answers", lambda: clients.count > 100)
    chance = random.Random(1)
    for _ in range(8):
        stage = chance.choice(stages)
        stage.end(signal.SIGKILL)
        time.sleep(chance.uniform(0, 0.3))
        stage.start()
        since = clients.count
        wait_until("answers after a stage was killed", lambda since=since: clients.count > since + 20)
    clients.stop()
    print(f"serve: {clients.count} answers with 8 stages killed")


def fairness(digits, gateway):
    """Whoever sends one frame does not wait for whoever sends thousands."""
    many = subprocess.Popen([LPC, "run", digits.out, "--connect", gateway.addresses[0], "--repeat", "60000"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    request = {"inputs": [tensor("pixels", "FP32", [1, 1, 8, 8], [0] * 64)]}
    times = []
    time.sleep(0.5)
    for _ in range(20):
        begin = time.monotonic()
        infer(gateway.addresses[1], "digits", request)
        times.append(time.monotonic() - begin)
    check(many.poll() is None, "the client of many frames had ended already")
    check(sorted(times)[10] < 0.2, f"beside a client of many frames one waits {sorted(times)[10]:.2f} s")
    many.kill()
    many.wait()


def bad_requests(gateway):
    web, path = gateway.addresses[1], "/v2/models/digits/infer"
    good = tensor("pixels", "FP32", [1, 1, 8, 8], [0] * 64)

    def with_field(**fields):
        return {"inputs": [{**good, **fields}]}

    cases = [
        (b"", "no body"), (b"{", "JSON: "), (b"[]", "expected an object"), (b'{"inputs":[]} x', "behind the end"),
        ({}, "input 'pixels' is not given"), ({"inputs": 1}, "expected a list"),
        (with_field(name="pixel"), "no input is called 'pixel'; there are 'pixels'"),
        (with_field(datatype="FP64"), "input 'pixels': expected datatype FP32, got FP64"),
        (with_field(shape=[1, 64]), "input 'pixels': expected f32[1,1,8,8], got f32[1,64]"),
        (with_field(shape=[1, 1, 8, 2 ** 40]), "input 'pixels': its shape is too large"),
        (with_field(shape=[-1, 1, 8, 8]), "expected up to 8 sizes"),
        (with_field(data=[0] * 63), "input 'pixels': 63 elements, its shape has 64"),
        (with_field(data=[0] * 65), "more than the 64 elements"),
        (with_field(data=["a"] * 64), "input 'pixels': JSON: expected a number"),
        ({"inputs": [good, good]}, "input 'pixels' is given twice"),
        ({"inputs": [good], "outputs": [{"name": "x"}]}, "no output is called 'x'"),
        (with_field(data=None), "expected a list"),
        (b'{"inputs":' + b"[" * 100, "expected an object"),
        ({"x": json.loads("[" * 40 + "]" * 40)}, "more than 32 levels"),
    ]
    for body, expected in cases:
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, data, _ = ask(web, "POST", path, body)
        check(status == 400 and expected in json.loads(data)["error"],
              f"{body[:80]}: status {status}, expected '{expected}': {data[:200]}")
    head = json.dumps({"inputs": [{"name": "pixels", "datatype": "FP32", "shape": [1, 1, 8, 8],
                                   "parameters": {"binary_data_size": 256}}]}).encode()
    for extra, expected in ((b"\0" * 10, "10 bytes are left"), (b"\0" * 300, "44 bytes behind")):
        status, data, _ = ask(web, "POST", path, head + extra, {"Inference-Header-Content-Length": str(len(head))})
        check(status == 400 and expected in json.loads(data)["error"], f"binary: {status} {data[:200]}")
    for length in ("x", "-1", "99999"):
        status, data, _ = ask(web, "POST", path, head, {"Inference-Header-Content-Length": length})
        check(status == 400 and "Inference-Header" in json.loads(data)["error"], f"header {length}: {status} {data}")
    others = [("GET", path, None, 405), ("POST", "/metrics", b"", 405), ("GET", "/nothing", None, 404),
              ("POST", "/v2/models/other/infer", b"{}", 405), ("GET", "/v2/models/other", None, 404),
              ("POST", path, b" " * 10000000, 413)]
    for method, where, body, expected in others:
        try:
            status, data, _ = ask(web, method, where, body)
        except (BrokenPipeError, ConnectionResetError):
            check(expected == 413, f"{method} {where}: the connection broke")
            continue
        check(status == expected and json.loads(data)["error"], f"{method} {where}: {status} {data[:100]}")
    status, _, _ = ask(web, "POST", path, json.dumps({"inputs": [good]}), {"Content-Encoding": "gzip"})
    check(status == 415, f"gzip: {status}")
    infer(web, "digits", {"inputs": [good], "id": "a\"\u00e4\n"})


def metrics(gateway):
    status, data, headers = ask(gateway.addresses[1], "GET", "/metrics")
    check(status == 200 and headers["Content-Type"].startswith("text/plain"), "no metrics")
    values, last = {}, 0
    for line in data.decode().splitlines():
        if line.startswith("#"):
            check(re.fullmatch(r"# (HELP \w+ .+|TYPE \w+ (counter|gauge|histogram))", line), f"metrics: {line}")
            continue
        match = re.fullmatch(r'(\w+(?:\{\w+="[^"]*"\})?) ([-+.\de]+)', line)
        check(match, f"metrics: {line}")
        values[match[1]] = float(match[2])
        if "_bucket" in line:
            check(float(match[2]) >= last, f"metrics: {line} after {last}")
            last = float(match[2])
    check(values["lpc_latency_seconds_count"] == values["lpc_answers_total"] > 0, "metrics: no answers")
    check(values["lpc_frames_total"] >= values["lpc_answers_total"], "metrics: more answers than frames")
    check(values["lpc_queue_frames"] == 0 and values["lpc_held_bytes"] == 0, f"metrics: something is left: {values}")
    check(values["lpc_breaks_total"] > 0 and values["lpc_resent_frames_total"] > 0, "metrics: no breaks")
    found = json.loads(ask(gateway.addresses[1], "GET", "/status")[1])
    check(found["model"] == "digits" and len(found["streams"]) == 2 and found["log"], f"status: {found}")
    page = ask(gateway.addresses[1], "GET", "/")
    check(page[0] == 200 and b"<title>lpc serve</title>" in page[1] and b"http" not in page[1], "the page")


# ---- A decoder: with state ----

def page(gateway):
    """The page in a browser: its script fills it from /status."""
    browser = "/usr/bin/chromium"
    if not os.path.exists(browser):
        print(f"serve: {browser} is not installed: the page is not rendered")
        return
    done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                           "--disable-background-networking", "--disable-component-update", "--disable-sync",
                           f"--user-data-dir={WORK}/chromium", "--virtual-time-budget=3000", "--dump-dom",
                           f"http://{gateway.addresses[1]}/"], capture_output=True, text=True, timeout=120)
    for part in ('<span id="model">digits</span>', ">ready</span>", "host \u2192 host-2 \u2192 host-3",
                 "is connected to", "<td>waiting</td>"):
        check(part in done.stdout, f"the page lacks {part}: {done.stdout[-1500:]}{done.stderr[-300:]}")


def decoder():
    model = f"{SHARED}/stories260k-kv/model.onnx"
    if not os.path.exists(model):
        print(f"serve: no {model} here: sessions skipped")
        return
    out = f"{WORK}/decoder"
    lpc(model, "--quiet", "-o", out, "--targets", "host,host,host", *DECODER, "--cut-after", DECODER_CUT)
    feed = ["--seed", "1", "--repeat", "150", "--feedback", "input_ids=argmax(logits)", "--json"]
    expected = json.loads(lpc("run", out, *feed).stdout)["tokens"]
    stages = start_stages(out, 3)
    gateway = start_gateway(out, stages, "--streams", "3")
    found, done = [], []

    def session():
        done.append(json.loads(lpc("run", out, "--connect", gateway.addresses[0], *feed).stdout)["tokens"])

    threads = [threading.Thread(target=session) for _ in range(4)]
    for thread in threads:
        thread.start()
    chance = random.Random(2)
    while any(thread.is_alive() for thread in threads) and len(found) < 4:
        time.sleep(chance.uniform(0.1, 0.5))
        stage = chance.choice(stages)
        stage.end(signal.SIGKILL)
        stage.start()
        found.append(stage.name)
    for thread in threads:
        thread.join()
    check(done == [expected] * 4, "a session's tokens are wrong")
    sequences(out, gateway, expected)
    print(f"serve: 4 sessions of {len(expected)} tokens with {len(found)} stages killed")
    gateway.end()
    for stage in stages:
        stage.end()


def sequences(out, gateway, expected):
    """The same over HTTP: requests with a sequence_id are frames of one session."""
    with open(f"{out}/manifest.json") as file:
        inputs = json.load(file)["inputs"]
    web, model = gateway.addresses[1], "model"
    model = json.loads(ask(web, "GET", "/status")[1])["model"]
    check([i["name"] for i in inputs] == ["input_ids"], f"the decoder's inputs: {inputs}")

    def step(token, name, status=200, **parameters):
        return infer(web, model, {"inputs": [tensor("input_ids", "INT64", [1, 1], [[token]])],
                                  "parameters": {"sequence_id": name, **parameters}}, status)

    def next_token(answer):
        logits = [o for o in answer["outputs"] if o["name"] == "logits"][0]["data"]
        return max(range(len(logits)), key=logits.__getitem__)

    # `lpc run --seed 1` begins with an input that is 0 or 1
    for first in (0, 1):
        token, got = first, []
        for i in range(20):
            token = next_token(step(token, "a", sequence_start=i == 0, sequence_end=i == 19))
            got.append(token)
        if got == expected[:20]:
            break
    check(got == expected[:20], f"a sequence's tokens: {got}, expected {expected[:20]}")
    check("no sequence 'a'" in step(1, "a", 400)["error"], "a sequence that ended goes on")
    step(1, 7, sequence_start=True)
    told = step(10 ** 9, 7, 400)["error"]
    check("index" in told, f"a token that is none: {told}")
    check("no sequence '7'" in step(1, 7, 400)["error"], "a sequence that failed goes on")
    next_token(step(1, 8, sequence_start=True, sequence_end=True))


# ---- Types, and a frame that is to blame ----

def kinds():
    """A model whose index can point outside of its table: that frame fails, and no other."""
    path = f"{WORK}/table.onnx"
    w.save(path, w.graph([w.node("Gather", ["table", "index"], ["value"])], [w.value("index", ["n"], 7)],
                         [w.value("value", ["n"])], [w.contents("table", [4], [10, 20, 30, 40])]))
    out = f"{WORK}/table"
    lpc(path, "--quiet", "-o", out, "--targets", "host", "--max", "n=8")
    stages = start_stages(out, 1)
    gateway = start_gateway(out, stages)
    web = gateway.addresses[1]
    failures = []

    def good():
        for i in range(100):
            answer = infer(web, "table", {"inputs": [tensor("index", "INT64", [3], [i % 4, 0, 3])]})
            if answer["outputs"][0]["data"] != [10 * (i % 4 + 1), 10, 40]:
                failures.append(answer)

    threads = [threading.Thread(target=good) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        told = infer(web, "table", {"inputs": [tensor("index", "INT64", [2], [1, 9])]}, 400)["error"]
        check("index" in told, f"an index outside: {told}")
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    check(not failures, f"beside a bad frame: {failures[:1]}")
    told = infer(web, "table", {"inputs": [tensor("index", "INT64", [9], [0] * 9)]}, 400)["error"]
    check("input 'index'" in told, f"too long: {told}")
    told = infer(web, "table", {"inputs": [tensor("index", "INT64", [1], [2 ** 70])]}, 400)["error"]
    check("64 bits" in told, f"too large: {told}")
    check(infer(web, "table", {"inputs": [tensor("index", "INT64", [0], [])]})["outputs"][0]["data"] == [], "empty")
    gateway.end()
    for stage in stages:
        stage.end()


def main():
    digits = Digits()
    stages = health(digits)
    for stage in stages:
        stage.end()
    stages = start_stages(digits.out, 2, stages)
    gateway = start_gateway(digits.out, stages, "--streams", "2")
    load(digits, stages, gateway)
    fairness(digits, gateway)
    bad_requests(gateway)
    wait_until("all clients have gone", lambda: b"lpc_clients 0" in ask(gateway.addresses[1], "GET", "/metrics")[1])
    metrics(gateway)
    page(gateway)
    clients = Clients(digits, gateway)
    wait_until("answers", lambda: clients.count > 20)
    clients.stop()
    gateway.end()
    for stage in stages:
        stage.end()
    kinds()
    decoder()


main()
