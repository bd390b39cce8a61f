"""A running `relapse run` for the scripts that measure: started, asked, watched from outside, stopped."""

import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
RELAPSE = ROOT / "target" / "release" / "relapse"


def build() -> pathlib.Path:
    """The release binary, built."""
    subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=True)
    return RELAPSE


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


class Sidecar:
    """A running `relapse run`."""

    def __init__(self, binary: pathlib.Path, folder: pathlib.Path, *arguments: str, stdout: int = subprocess.DEVNULL):
        self.port = free_port()
        command = [str(binary), "run", "--state", str(folder / "state"), "--listen", f"127.0.0.1:{self.port}", *arguments]
        self.child = subprocess.Popen(command, stdout=stdout, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not self._ready():
            if self.child.poll() is not None or time.monotonic() > deadline:
                sys.exit("relapse run did not become ready")
            time.sleep(0.1)

    def _ready(self) -> bool:
        try:
            return self.read("/readyz") is not None
        except OSError:
            return False

    def read(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as reply:
            return reply.read().decode()

    def matches(self) -> int:
        lines = self.read("/metrics").splitlines()
        return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if line.startswith("relapse_matches_total"))

    def cpu(self) -> float:
        fields = pathlib.Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss(self) -> float:
        return int(pathlib.Path(f"/proc/{self.child.pid}/statm").read_text().split()[1]) * resource.getpagesize() / 2**20

    def peak(self) -> float:
        status = pathlib.Path(f"/proc/{self.child.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def stop(self) -> None:
        self.child.send_signal(signal.SIGTERM)
        self.child.wait(timeout=30)
