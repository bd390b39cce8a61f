"""Runs the miniature service with a real interpreter and real libraries, and makes what they print the same on every machine.

A `Workplace` is a laid-out copy of the service with a clock file. `run_scenarios` needs no server; `Server` is a real uvicorn or gunicorn
on loopback that is asked step by step, each step at its own fake time.
"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import layout

DEADLINE = 30.0


class Workplace:
    def __init__(self, python, variant="old", fixed=()):
        self.python = python
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="fixtures-"))
        self.clock = self.root / "clock"
        self.service = self.root / "app"
        self.scratch = self.root / "tmp"
        self.scratch.mkdir()
        layout.lay_out(self.service, variant)
        if fixed:
            layout.lay_out(self.service, "new", only=set(fixed))

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        shutil.rmtree(self.root, ignore_errors=True)

    def at(self, moment):
        # Replaced whole: a reader must never see half a time.
        fresh = self.root / "clock.new"
        fresh.write_text(moment, encoding="ascii")
        os.replace(fresh, self.clock)

    def environment(self, logging, **more):
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "LD_LIBRARY_PATH") if key in os.environ}
        return {
            **kept,
            "TZ": "UTC",
            "LANG": "C.UTF-8",
            "PYTHONUTF8": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": str(self.service),
            "TMPDIR": str(self.scratch),
            "PYTHONDONTWRITEBYTECODE": "1",
            "GOOGLE_CLOUD_PROJECT": "netra-staging",
            "RELAPSE_FAKE_CLOCK": str(self.clock),
            "RELAPSE_LOGGING": logging,
            **more,
        }

    def make_stale(self, *modules):
        layout.make_stale(self.service, modules, self.python)

    def run_scenarios(self, logging, steps, **more):
        """`steps`: (time, scenario) pairs, each in a process of its own. Gives the normalised text."""
        text = ""
        for moment, name in steps:
            self.at(moment)
            done = subprocess.run(
                [self.python, "scenarios.py", name],
                cwd=self.service,
                env=self.environment(logging, **more),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=DEADLINE,
                check=False,
            )
            text += self.normalise(done.stdout.decode("utf-8"))
        return text

    def normalise(self, text):
        text = text.replace(str(self.service), "/app").replace(str(self.root), "/tmp")
        for found, library in self._library_paths():
            text = text.replace(found, library)
        text = re.sub(r"\b0x[0-9a-f]{8,}\b", "0x7f3000bad1c0", text)
        text = re.sub(r'"elapsed": \{"repr": "[^"]*", "seconds": [0-9.e-]+\}', '"elapsed": {"repr": "0:00:01", "seconds": 1.0}', text)
        text = re.sub(r'"process": \{"id": \d+', '"process": {"id": 14', text)
        text = re.sub(r'"thread": \{"id": \d+', '"thread": {"id": 140148732413824', text)
        # `python scenarios.py` names its own file without a folder up to Python 3.8
        return text.replace('File "scenarios.py"', 'File "/app/scenarios.py"')

    def _library_paths(self):
        ask = "import sys, sysconfig; p = sysconfig.get_paths(); v = '%d.%d' % sys.version_info[:2]; print(p['purelib'], p['stdlib'], v)"
        if not hasattr(self, "_paths"):
            purelib, stdlib, version = subprocess.check_output([self.python, "-c", ask], text=True).split()
            home = f"/usr/local/lib/python{version}"
            self._paths = [(purelib, f"{home}/site-packages"), (stdlib, home)]
        return self._paths


class Server:
    """uvicorn or gunicorn with the service, asked one step after the other."""

    def __init__(self, place, logging, kind="uvicorn", json=False, **more):
        self.place = place
        self.port = free_port()
        self.output = place.root / f"server-{self.port}.log"
        bind = f"127.0.0.1:{self.port}"
        app = "netra_backend.app.main:app"
        if kind == "gunicorn":
            command = [place.python, "-m", "gunicorn", "-c", "gunicorn_conf.py", "-b", bind, app]
        else:
            command = [place.python, "-c", UVICORN, "--port", str(self.port), app]
            command += ["--log-config", "uvicorn_log.json"] if json else []
        self._log = self.output.open("wb")
        self._process = subprocess.Popen(
            command, cwd=place.service, env=place.environment(logging, **more), stdout=self._log, stderr=subprocess.STDOUT
        )

    def wait_ready(self):
        ends = time.monotonic() + DEADLINE
        while time.monotonic() < ends and self._process.poll() is None:
            # gunicorn's master listens long before its worker can answer
            if "startup complete" in self.text().lower() and accepts(self.port):
                self.settle()
                return self
            time.sleep(0.05)
        raise RuntimeError(f"the server did not start:\n{self.text()}")

    def wait_exit(self):
        self._process.wait(DEADLINE)
        return self

    def get(self, path, method="GET"):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method, headers={"User-Agent": "probe"})
        try:
            urllib.request.urlopen(request, timeout=DEADLINE).read()
        except urllib.error.HTTPError as error:
            error.read()
        self.settle()

    def websocket(self):
        env = self.place.environment("stdlib")
        subprocess.run([self.place.python, "client_ws.py", str(self.port)], cwd=self.place.service, env=env, check=False)
        self.settle()

    def settle(self):
        """Waits until nothing more is written: a server logs some failures after it has answered."""
        quiet, size = 0, -1
        while quiet < 2:
            now = self.output.stat().st_size
            quiet = quiet + 1 if now == size else 0
            size = now
            time.sleep(0.04)

    def stop(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(DEADLINE)
        self._log.close()
        return self

    def text(self):
        return self.output.read_text(encoding="utf-8")

    def normalised(self):
        text = self.place.normalise(self.text()).replace(f"127.0.0.1:{self.port}", "0.0.0.0:8888")
        text = renumber(text, r"127\.0\.0\.1:(\d+)", "169.254.169.126:{}", 49880, 2)
        return renumber(text, r"((?<=\[)\d+(?=\])|(?<=pid: )\d+|(?<=pid:)\d+|(?<=:8888 \()\d+(?=\)))", "{}", 7, 7)


UVICORN = "import fake_clock; fake_clock.install(); import sys, uvicorn; sys.argv[0] = 'uvicorn'; uvicorn.main()"


def renumber(text, pattern, shape, first, step):
    """Ports and process ids in the order of their appearance, each twice the same where it was the same."""
    seen = {}

    def replace(match):
        number = seen.setdefault(match.group(1), first + step * len(seen))
        return shape.format(number)

    return re.sub(pattern, replace, text)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
