"""Programs that follow log files, each told to count numbered lines: relapse, rsyslog's imfile and mtail.

A line is `{"timestamp":…,"severity":"ERROR","message":"numbered failure NNNNNNNN"}`; its time tells its number, too. Each follower gives how
often it took each number, or each hundred of numbers where it can only add up (mtail: a label a number would be a million of series).
"""

import collections
import datetime
import json
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request

from sidecar import Sidecar, free_port

# The signature has a fix of long ago, so every numbered line is a regression: it is judged, counted and stored.
CATALOG = r"""
schema: relapse/v1
id: numbered-failure
title: a failure with a number
description: for measurements
severity: critical
status: stable
owner: nobody
fixes: [{at: 2025-09-08T12:00:00Z, kind: code}]
detection: {pattern: 'numbered failure (?P<number>\d+)'}
"""
BEGAN = int(datetime.datetime(2025, 10, 1, tzinfo=datetime.timezone.utc).timestamp())
# Microseconds of log time between two lines.
STEP = 25
# What mtail adds up.
BLOCK = 100
# Rows that were committed with a time this long before the newest are looked at again, in lines: a copy is read late.
LATE = 120_000


def line(number: int) -> str:
    seconds, micros = divmod(number * STEP, 1_000_000)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(BEGAN + seconds))
    return f'{{"timestamp":"{stamp}.{micros:06}Z","severity":"ERROR","message":"numbered failure {number:08}"}}\n'


class Relapse:
    """The numbers are read from the state: every judged event stands there under its id, with the time its record states."""

    name, block = "relapse", 1

    def __init__(self, binary: pathlib.Path, home: pathlib.Path, pattern: str, _truncates: bool):
        catalog = home / "catalog.yaml"
        catalog.write_text(CATALOG)
        self.state = home / "state" / "relapse.db"
        self.events, self.newest = set(), 0
        self.sidecar = Sidecar(binary, home, "--catalog", str(catalog), "--logs", pattern)

    def look(self) -> None:
        """Takes what was judged lately: the state keeps the latest 200,000 only."""
        with sqlite3.connect(f"file:{self.state}?mode=ro", uri=True, timeout=30) as state:
            rows = state.execute("SELECT id, time FROM events WHERE time >= ?", (self.newest - LATE * STEP,)).fetchall()
        self.events.update(rows)
        self.newest = max((when for _, when in rows), default=self.newest)

    def progress(self) -> object:
        return self.sidecar.matches()

    def is_done(self) -> bool:
        return "relapse_source_lag_bytes 0" in self.sidecar.read("/metrics").splitlines()

    def counts(self) -> collections.Counter:
        self.look()
        return collections.Counter((when - BEGAN * 1_000_000) // STEP for _, when in self.events)

    def remarks(self) -> str:
        metric = next(row for row in self.sidecar.read("/metrics").splitlines() if row.startswith("relapse_source_gaps_total"))
        unseen = self.sidecar.matches() - len(self.events)
        told = f"; **{unseen} matches were counted and never seen in the state**" if unseen else ""
        return f"gaps metric: {int(float(metric.split()[-1]))}{told}"

    def usage(self) -> tuple[float, float]:
        return self.sidecar.cpu(), self.sidecar.peak()

    def stop(self) -> None:
        self.sidecar.stop()


class Peer:
    """A child that is stopped by its process id."""

    child: subprocess.Popen
    cpu, peak = Sidecar.cpu, Sidecar.peak

    def look(self) -> None:
        pass

    def is_done(self) -> bool:
        return True

    def remarks(self) -> str:
        return ""

    def usage(self) -> tuple[float, float]:
        return self.cpu(), self.peak()

    def stop(self) -> None:
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class Rsyslog(Peer):
    """imfile reads, omfile writes what it read; with truncation looked for where the mode asks for it."""

    name, block = "rsyslog imfile", 1

    def __init__(self, _binary: pathlib.Path, home: pathlib.Path, pattern: str, truncates: bool):
        work, self.out = home / "rsyslog", home / "rsyslog.out"
        work.mkdir()
        reopen = 'reopenOnTruncate="on"' if truncates else ""
        (home / "rsyslog.conf").write_text(
            f'global(workDirectory="{work}")\nmodule(load="imfile")\ntemplate(name="raw" type="string" string="%msg%\\n")\n'
            f'input(type="imfile" File="{pattern}" Tag="numbered" ruleset="out" {reopen})\n'
            f'ruleset(name="out") {{ action(type="omfile" file="{self.out}" template="raw") }}\n'
        )
        command = [find("rsyslogd"), "-n", "-f", str(home / "rsyslog.conf"), "-i", str(home / "rsyslog.pid")]
        self.child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(2)

    def progress(self) -> object:
        return self.out.stat().st_size if self.out.exists() else 0

    def counts(self) -> collections.Counter:
        found = re.findall(rb"numbered failure (\d{8})", self.out.read_bytes() if self.out.exists() else b"")
        return collections.Counter(map(int, found))


class Mtail(Peer):
    """One counter, by hundreds of numbers."""

    name, block = "mtail", BLOCK
    program = 'counter numbered by block\n/numbered failure (?P<block>\\d{6})\\d{2}/ {\n  numbered[$block]++\n}\n'

    def __init__(self, _binary: pathlib.Path, home: pathlib.Path, pattern: str, _truncates: bool):
        (home / "numbered.mtail").write_text(self.program)
        self.port = free_port()
        command = [
            find("mtail"), "--progs", str(home / "numbered.mtail"), "--logs", pattern, "--address", "127.0.0.1",
            "--port", str(self.port), "--log_dir", str(home),
        ]
        self.child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while self._ask() is None and time.monotonic() < deadline:
            time.sleep(0.1)

    def _ask(self) -> list | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/json", timeout=20) as reply:
                return json.load(reply)
        except OSError:
            return None

    def counts(self) -> collections.Counter:
        values = [value for metric in self._ask() or [] for value in metric.get("LabelValues") or []]
        return collections.Counter({int(value["Labels"][0]): value["Value"]["Value"] for value in values})

    def progress(self) -> object:
        return self.counts().total()


def find(program: str) -> str:
    found = shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:" + subprocess.os.environ.get("PATH", ""))
    return found or sys.exit(f"{program} is missing: install its Debian package")


FOLLOWERS = {kind.name.split()[0]: kind for kind in (Relapse, Rsyslog, Mtail)}
