"""A server that runs behind real proxies, as processes of their own, on the very lines that docs/server.md gives."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import requests
from central import free_port, until
from requests.adapters import HTTPAdapter

from simulator.stage import LIFELINE

PAGE = Path(__file__).parent.parent.parent / "docs/server.md"
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])  # where Debian has nginx, for those who are not root
FOUND = {name: shutil.which(name, path=PATH) for name in ("nginx", "caddy")}
NAME, SERVER = "lab.example.org", "127.0.0.1:8080"  # the page's own
NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
http {{
    access_log off;
    {temporary}
    {sites}
}}
"""
CADDY = """
{{
    admin off
    auto_https disable_redirects
}}
{sites}
"""


def block(kind):
    """The page's block of that kind."""
    (found,) = re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return found


def put(text, **changes):
    """A block with other values; each stands in it. Names of what is changed are for the reader."""
    for old, new in changes.values():
        assert old in text, old
        text = text.replace(old, new)
    return text


class Machine:
    """A machine with a server, in clear on loopback, and the proxies in front of it."""

    def __init__(self, folder, started):
        self.folder = folder
        self._started = started
        self.port = free_port()
        self.certificate = folder / "tls.pem"
        here = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), str(folder))  # Caddy writes there
        self.environment = {**os.environ, **here, "LOQUET_SERVER_CONFIG": str(folder / "server.toml")}
        self.environment.pop("DATABASE_URL", None)
        from server.core import tls

        tls.make(folder, ["localhost"])
        text = put(block("toml"), port=("8080", str(self.port)), name=(NAME, "localhost"))
        (folder / "server.toml").write_text(text + 'data_dir = "data"\n')

    def loquet(self, *arguments):
        """Run a command of the server's; return what it says."""
        command = [sys.executable, "-m", "controller", "server", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout

    def serve(self):
        """Run the server; give it an account for each proxy."""
        self.said = self.loquet("init")
        self.words = {name: self.loquet("recover", name).split()[-1] for name in FOUND}
        self.start([sys.executable, "-m", "controller", "server", "run"], "server", self.port)

    def start(self, command, name, *ports):
        """Have a process run until the end, and wait until it listens."""
        log = self._started.enter_context((self.folder / f"{name}.out").open("w"))
        process = subprocess.Popen([*LIFELINE, *command], env=self.environment, stdout=log, stderr=subprocess.STDOUT)
        self._started.callback(process.wait, 20)
        self._started.callback(process.terminate)
        until(lambda: process.poll() is not None or all(map(listens, ports)), f"{name} listens")
        assert process.poll() is None, (self.folder / f"{name}.out").read_text()

    def log(self):
        """What the server logged."""
        return (self.folder / "server.out").read_text()

    def nginx(self, *sites):
        """Run nginx on the page's block, changed as each of *sites* has it; return the ports."""
        ports = [free_port() for _site in sites]
        temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = "".join(f"{each}_temp_path {self.folder}/{each};" for each in temporary)
        texts = [put(self._site(port), **changes) for port, changes in zip(ports, sites, strict=True)]
        config = self.folder / "nginx.conf"
        config.write_text(NGINX.format(folder=self.folder, temporary=places, sites="".join(texts)))
        log = ["-e", str(self.folder / "nginx.log")]
        self.start([FOUND["nginx"], *log, "-p", str(self.folder), "-c", str(config)], "nginx", *ports)
        return ports

    def _site(self, port):
        letsencrypt = f"/etc/letsencrypt/live/{NAME}/"
        return put(
            block("nginx"),
            port=("listen 443 ", f"listen 127.0.0.1:{port} "),
            plain=("listen 80;", f"listen 127.0.0.1:{free_port()};"),
            certificate=(letsencrypt + "fullchain.pem", str(self.certificate)),
            key=(letsencrypt + "privkey.pem", str(self.certificate)),
            name=(NAME, "localhost"),
            server=(SERVER, f"127.0.0.1:{self.port}"),
        )

    def caddy(self):
        """Run Caddy on the page's block; return its port."""
        port = free_port()
        tls = f"https://localhost:{port} {{\n    bind 127.0.0.1\n    tls {self.certificate} {self.certificate}\n"
        site = put(block("caddy"), name=(f"{NAME} {{\n", tls), server=(SERVER, f"127.0.0.1:{self.port}"))
        config = self.folder / "Caddyfile"
        config.write_text(CADDY.format(sites=site))
        self.start([FOUND["caddy"], "run", "--adapter", "caddyfile", "--config", str(config)], "caddy", port)
        return port


def listens(port):
    """Whether somebody takes connections there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class From(HTTPAdapter):
    """Connections from another address of this machine's."""

    def __init__(self, address):
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments, **more):
        super().init_poolmanager(*arguments, **more, source_address=(self._address, 0))


class Browser:
    """Somebody's browser, as far as forms need one: cookies, tokens, and where a form is from."""

    def __init__(self, machine, port, address="127.0.0.1"):
        self.base = f"https://localhost:{port}"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(machine.certificate)
        self.session.mount("https://", From(address))

    def get(self, path):
        return self.session.get(self.base + path, timeout=20, allow_redirects=False)

    def post(self, path, headers=(), **fields):
        """Fill in the form on a page, and send it."""
        shown = self.get(path).text
        carried = dict(re.findall(r'<input type="hidden" name="(csrfmiddlewaretoken|version)" value="([^"]+)"', shown))
        said = {"Origin": self.base, "Sec-Fetch-Site": "same-origin"} | dict(headers)
        fields |= carried
        return self.session.post(self.base + path, fields, headers=said, timeout=20, allow_redirects=False)

    def log_in(self, name, word, **more):
        return self.post("/login", username=name, password=word, **more)
