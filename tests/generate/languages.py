"""Lets the languages of this machine fail and keeps what they print, as fixtures.

    python languages.py --out DIR [--only LANGUAGE…] [--node-modules DIR]

Writes DIR/LANGUAGE-VERSION/NAME.log for every language whose interpreter or compiler is installed, and says which. The libraries of Node
are taken from --node-modules (`npm install --prefix DIR pino pino-pretty winston bunyan`); without it only Node itself is asked.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"
DEADLINE = 120.0


class Language:
    """`tool`: what must be installed. `version`: how it says its version. `build`: made once. `cases`: name and command of each log."""

    def __init__(self, name, tool, version, cases, build=None):
        self.name, self.tool, self.version, self.cases, self.build = name, tool, version, cases, build


def languages(modules):
    node = [(case, ["node", "failing.js", case], {}) for case in ("uncaught", "rejected", "console", "aggregate", "properties")]
    if modules:
        names = ("pino", "pino-pretty", "winston-json", "winston-text", "bunyan")
        node += [(case, ["node", "loggers.js", case], {"NODE_PATH": str(modules)}) for case in names]
    return [
        Language("node", "node", ["node", "--version"], node),
        Language(
            "java",
            "javac",
            ["java", "-version"],
            [(case, ["java", "Failing", case], {}) for case in ("logging", "thread", "uncaught")],
            ["javac", "Failing.java"],
        ),
        Language(
            "go",
            "go",
            ["go", "version"],
            [(case, ["./failing", case], {}) for case in ("nil", "map", "error", "again", "goroutine", "deadlock", "log")],
            ["go", "build", "-o", "failing", "failing.go"],
        ),
        Language("ruby", "ruby", ["ruby", "--version"], [(case, ["ruby", "failing.rb", case], {}) for case in ("uncaught", "logger")]),
        Language(
            "php",
            "php",
            ["php", "--version"],
            [
                (case, ["php", "-d", "display_errors=0", "-d", "log_errors=1", "-d", f"error_log={target}", "failing.php", case.split("-")[0]], {})
                for case, target in (("uncaught", "out.log"), ("engine", "out.log"), ("warning", "out.log"), ("text", "out.log"), ("text-stderr", ""))
            ],
        ),
        Language(
            "rust",
            "rustc",
            ["rustc", "--version"],
            [(case, ["./failing", case], {"RUST_BACKTRACE": "1"}) for case in ("option", "result", "thread")],
            ["rustc", "-g", "-o", "failing", "failing.rs"],
        ),
    ]


def short(text):
    """The first number of a version text, two parts of it: 20.20.2 → 20.20."""
    return re.search(r"\d+(\.\d+)?", text).group(0)


def logs(language):
    with tempfile.TemporaryDirectory(prefix="fixtures-") as folder:
        place = pathlib.Path(folder)
        for program in PROGRAMS.iterdir():
            shutil.copy(program, place)
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "RUSTUP_HOME", "CARGO_HOME") if key in os.environ}
        env = {**kept, "TZ": "UTC", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "GOFLAGS": "-mod=mod", "GO111MODULE": "off", "NO_COLOR": "1"}
        run = dict(cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=DEADLINE, check=False)
        if language.build:
            built = subprocess.run(language.build, env=env, **run)
            if built.returncode != 0:
                print(f"{language.name}: {built.stdout.decode()}", file=sys.stderr)
                return
        for name, command, more in language.cases:
            done = subprocess.run(command, env={**env, **more}, **run)
            written = place / "out.log"
            text = done.stdout.decode("utf-8", "replace")
            if written.exists():
                text = written.read_text(encoding="utf-8")
                written.unlink()
            yield name, normalised(text, place)


def normalised(text, place):
    """The paths of the machine, its name and the numbers that change with every run."""
    text = text.replace(str(place.resolve()), "/srv/app").replace(str(place), "/srv/app")
    text = re.sub(r"/[^\s()]*/node_modules/", "/srv/app/node_modules/", text)
    text = re.sub(r"/usr/lib/go-[\d.]+/", "/usr/local/go/", text)
    text = text.replace(os.uname().nodename, "web-1")
    text = re.sub(r'"pid":\d+', '"pid":14', text)
    text = re.sub(r"(?<=\(shop/)\d+", "14", text)
    text = re.sub(r"(?<=[#(])\d{2,7}(?=[\])])", "14", text)
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--node-modules", type=pathlib.Path)
    options = parser.parse_args()
    for language in languages(options.node_modules):
        if not shutil.which(language.tool) or options.only and language.name not in options.only:
            continue
        said = subprocess.run(language.version, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True).stdout.decode()
        target = options.out / f"{language.name}-{short(said)}"
        target.mkdir(parents=True, exist_ok=True)
        for name, text in logs(language):
            (target / f"{name}.log").write_text(text, encoding="utf-8")
        print(f"{target.name}: {said.splitlines()[0]}")


if __name__ == "__main__":
    main()
