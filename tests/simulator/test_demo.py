"""`make demo` whole: a server, two controllers and a network cable; both sides meet once it is plugged in."""

import contextlib
import json
import re
import subprocess
import sys
import urllib.request

import pytest
import requests
import urllib3

from simulator.stage import StageError, until

pytestmark = pytest.mark.process


@pytest.fixture
def demo(tmp_path):
    """Start it; give the workbench's address and the pages'."""
    command = [sys.executable, "-m", "controller", "demo", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("The workbench"):
                break
        else:
            pytest.fail(said)
        bench = re.search(r"The workbench: (\S+)", said)[1]
        yield bench, re.search(r"https://\S+/", said)[0]
        process.terminate()
        process.wait(60)


def act(bench, what, **places):
    request = urllib.request.Request(f"{bench}do/{what}", data=json.dumps(places).encode(), method="POST")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status


def look(bench):
    """What the page shows now."""
    with urllib.request.urlopen(f"{bench}changes", timeout=30) as stream:
        for raw in stream:
            line = raw.decode()
            if line.startswith("data:") and '"stations"' in line:
                return json.loads(line[5:])
    return None


def state(bench, machine):
    return (look(bench)["stations"].get(machine) or {}).get("state")


def works(bench):
    """Lay Marie's badge on the laser until she works: a machine under load may have restarted the controller."""

    def again():
        if state(bench, "laser") == "running":
            return True
        act(bench, "take", thing="marie")
        until(lambda: state(bench, "laser") == "idle", "the laser is free")
        act(bench, "lay", thing="marie", machine="laser")
        with contextlib.suppress(StageError):
            until(lambda: state(bench, "laser") == "running", "Marie works", 8)
        return state(bench, "laser") == "running"

    until(again, "Marie works")


class Pages:
    """Somebody logged in at the server."""

    def __init__(self, address):
        self.address = address
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = False
        self.session.headers["Referer"] = address
        self.post("login", username="demo", password="loquet-demo")

    def get(self, path):
        return self.session.get(self.address + path, timeout=30).text

    def post(self, path, **fields):
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(path.partition("?")[0]))
        answer = self.session.post(self.address + path, data={**fields, "csrfmiddlewaretoken": found[1]}, timeout=30)
        assert answer.ok, answer.text
        return answer


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_what_is_edited_while_the_cable_is_pulled_counts_once_it_is_plugged_in_and_usage_arrives(demo):
    bench, address = demo
    urllib3.disable_warnings()
    pages = Pages(address)
    assert "Marie Curie" in pages.get("whitelist?q=marie")
    until(lambda: pages.get("devices").count("up to date") == 2, "both controllers have their list")
    assert "Saillans (annexe)" in pages.get("whitelist"), "a revocation that has not arrived is told"
    works(bench)
    until(lambda: "Marie Curie" in pages.get("machines"), "the server knows")
    act(bench, "network")
    act(bench, "take", thing="marie")
    until(lambda: state(bench, "laser") == "idle", "she is done, offline")
    pages.post("whitelist/cell/marie/laser", do="revoke")
    works(bench)  # offline it still opens
    act(bench, "network")
    pages.post("whitelist/cell/marie/laser", do="grant", level="user")
    pages.post("whitelist/cell/marie/laser", do="revoke_now")
    until(lambda: state(bench, "laser") == "idle", "the revocation arrives and cuts")
    act(bench, "take", thing="marie")
    until(lambda: look(bench)["stations"]["laser"]["sensed"].endswith("0"), "the reader is empty")
    act(bench, "lay", thing="marie", machine="laser")
    until(lambda: "Marie Curie" in pages.get("usage?machine=laser&member=marie"), "her usage arrives")
    assert state(bench, "laser") == "idle"
