"""What `lpc deploy --write` wrote, run: services.py LPC PACKAGE WORK.

Every service of compose.yaml runs its own command in a network namespace of its own, where /etc/hosts names the others as
Docker's resolver does: whoever is named wrongly is not found. Health checks run in the same namespaces. The answers through
the gateway are those of `lpc run`. kubernetes.yaml is read as YAML, and its objects are held against each other.
"""
import os
import subprocess
import sys
import time

import yaml

LPC, PACKAGE, WORK = sys.argv[1:4]
failures = 0


def fail(text):
    global failures
    failures += 1
    print(f"FAILED: {text}")


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Network:
    """A bridge, and for each service a namespace with a cable to it."""

    def __init__(self, names):
        self.id, self.names = os.getpid() % 100000, names
        self.bridge, subnet = f"lpcs{self.id}", f"10.214.{self.id % 250}"
        self.hosts = {name: f"{subnet}.{2 + i}" for i, name in enumerate(names)}
        ip("link", "add", self.bridge, "type", "bridge")
        ip("addr", "add", f"{subnet}.1/24", "dev", self.bridge)
        ip("link", "set", self.bridge, "up")
        for i, name in enumerate(names):
            space = self.space(name)
            ip("netns", "add", space)
            ip("link", "add", f"lpct{self.id}s{i}", "type", "veth", "peer", "name", "eth0", "netns", space)
            ip("link", "set", f"lpct{self.id}s{i}", "master", self.bridge, "up")
            ip("-n", space, "addr", "add", f"{self.hosts[name]}/24", "dev", "eth0")
            ip("-n", space, "link", "set", "eth0", "up")
            ip("-n", space, "link", "set", "lo", "up")
            os.makedirs(f"/etc/netns/{space}")
            with open(f"/etc/netns/{space}/hosts", "w") as file:
                file.write("127.0.0.1 localhost\n")
                file.writelines(f"{address} {other}\n" for other, address in self.hosts.items())

    def space(self, name):
        return f"lpcs{self.id}{name}"

    def run(self, name, words):
        return ["ip", "netns", "exec", self.space(name), *words]

    def remove(self):
        for name in self.names:
            subprocess.run(["ip", "netns", "del", self.space(name)], capture_output=True)
            if os.path.exists(f"/etc/netns/{self.space(name)}/hosts"):
                os.remove(f"/etc/netns/{self.space(name)}/hosts")
                os.rmdir(f"/etc/netns/{self.space(name)}")
        subprocess.run(["ip", "link", "del", self.bridge], capture_output=True)


def command(service):
    """Its words, with the places of its volumes instead of those in the container."""
    words = [LPC if word == "lpc" else word for word in service["command"]]
    for volume in service["volumes"]:
        here, there, _ = volume.split(":")
        words = [word.replace(there, os.path.normpath(f"{PACKAGE}/{here}"), 1) if word.startswith(there) else word
                 for word in words]
    return words


def is_healthy(network, name, service):
    kind, *words = service["healthcheck"]["test"]
    assert kind == "CMD"
    return subprocess.run(network.run(name, words), capture_output=True, timeout=10).returncode == 0


def wait_until(what, condition):
    for _ in range(100):
        if condition():
            return
        time.sleep(0.1)
    fail(f"not {what} within 10 s")


def by_names(network, services):
    running = {}
    try:
        for name in reversed(services):  # the gateway first: any order will do
            if is_healthy(network, name, services[name]):
                fail(f"'{name}' is healthy before it runs")
            running[name] = subprocess.Popen(network.run(name, command(services[name])),
                                             stdout=open(f"{WORK}/{name}.log", "w"), stderr=subprocess.STDOUT)
        for name, service in services.items():
            wait_until(f"healthy: '{name}'", lambda n=name, s=service: is_healthy(network, n, s))
        gateway = list(services)[-1]
        subprocess.run([LPC, "run", PACKAGE, "--connect", f"{network.hosts[gateway]}:7700", "--insecure", "--seed", "7", "--repeat", "5",
                        "--output", f"{WORK}/served"], check=True, capture_output=True, timeout=60)
        if subprocess.run(["diff", "-r", f"{WORK}/alone", f"{WORK}/served"]).returncode:
            fail("the gateway's answers are not those of lpc run")
        last = list(services)[-2]
        running[last].kill()
        running[last].wait()
        wait_until(f"unhealthy: '{gateway}' without '{last}'",
                   lambda: not is_healthy(network, gateway, services[gateway]))
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait()


def check_kubernetes(services):
    """Every Deployment has a Service that selects it and a name that the commands use."""
    with open(f"{PACKAGE}/kubernetes.yaml") as file:
        objects = list(yaml.safe_load_all(file))
    of = {kind: {o["metadata"]["name"]: o for o in objects if o["kind"] == kind}
          for kind in ("Namespace", "Deployment", "Service")}
    space, = of["Namespace"]
    if not list(of["Deployment"]) == list(of["Service"]) == list(services):
        fail(f"Deployments {list(of['Deployment'])}, Services {list(of['Service'])}, in compose.yaml {list(services)}")
    for name, deployment in of["Deployment"].items():
        spec, service = deployment["spec"], of["Service"][name]["spec"]
        pod = spec["template"]
        container, = pod["spec"]["containers"]
        labels = pod["metadata"]["labels"]
        if not labels == spec["selector"]["matchLabels"] == service["selector"]:
            fail(f"'{name}': selectors differ: {labels}, {spec['selector']}, {service['selector']}")
        if {p["port"] for p in service["ports"]} != {p["containerPort"] for p in container["ports"]}:
            fail(f"'{name}': ports differ")
        if deployment["metadata"]["namespace"] != space or of["Service"][name]["metadata"]["namespace"] != space:
            fail(f"'{name}' is in another namespace")
        if container["command"][1:] != services[name]["command"][1:] and name != "gateway":
            fail(f"'{name}': {container['command']} is not {services[name]['command']}")
        limits = container.get("resources", {}).get("limits", {})
        if int(limits.get("memory", 0)) != services[name].get("mem_limit", 0):
            fail(f"'{name}': memory {limits} is not {services[name].get('mem_limit')}")


def main():
    with open(f"{PACKAGE}/compose.yaml") as file:
        services = yaml.safe_load(file)["services"]
    check_kubernetes(services)
    try:
        network = Network(list(services))
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"services: no network namespaces here ({error}): commands are not run")
        return
    try:
        by_names(network, services)
    finally:
        network.remove()


main()
sys.exit(failures != 0)
