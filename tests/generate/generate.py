"""Re-creates the reports' failures with real interpreters and logging libraries.

    python generate.py [--python PYTHON] --out DIR [--stdlib-only] [--examples DIR]

Writes DIR/python-3.X/*.log for the interpreter PYTHON (default: this one), and the example logs when asked. Without `--stdlib-only` the
packages of requirements.txt must be installed for it.
"""

import argparse
import json
import pathlib
import subprocess
import sys

from runner import Server
from runner import Workplace

NAMES = ["kwarg", "supervisor", "unhandled", "placeholder", "recreate", "import-time", "startup"]
STEPS = [(f"2025-10-01T08:{47 + index}:01.122Z", name) for index, name in enumerate(NAMES)]
HANDLER = "netra_backend/app/websocket_core/agent_handler.py"
STARTUP = "netra_backend/app/startup_module.py"
SUPERVISOR = "netra_backend/app/websocket_core/supervisor_factory.py"


REQUIREMENTS = pathlib.Path(__file__).resolve().parent / "requirements.txt"
INSTALLED = (
    "import importlib.metadata as m, json; "
    "print(json.dumps({d.metadata['Name'].lower().replace('_', '-'): d.version for d in m.distributions()}))"
)


def missing_packages(python):
    """The lines of requirements.txt that `python` does not have in exactly that version."""
    wanted = [line for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    installed = json.loads(subprocess.check_output([python, "-c", INSTALLED], text=True))
    return [line for line in wanted if installed.get(line.split("==")[0]) != line.split("==")[1]]


def stdlib(python):
    with Workplace(python) as place:
        yield "stdlib", place.run_scenarios("stdlib", STEPS)


def stale(python):
    with Workplace(python) as place:
        place.make_stale(HANDLER, SUPERVISOR)
        yield "stale-bytecode", place.run_scenarios("dash", STEPS[:2])


def libraries(python):
    for logging in ("loguru", "loguru_plain", "loguru_json", "structlog", "jsonlogger", "gcp"):
        with Workplace(python) as place:
            resource = "service.name=netra-backend,service.version=2.5.0,service.instance.id=netra-backend-staging-00734-fvm"
            steps = STEPS[:2] if logging == "loguru" else [step for step in STEPS if step[1] != "unhandled"]
            yield logging.replace("_", "-"), place.run_scenarios(logging, steps, RELAPSE_RESOURCE=resource)


def servers(python):
    for kind in ("uvicorn", "gunicorn"):
        with Workplace(python, fixed=[STARTUP]) as place:
            place.at("2025-10-01T08:40:00.000Z")
            server = Server(place, "stdlib", kind).wait_ready()
            place.at("2025-10-01T08:46:30.000Z")
            server.get("/health")
            place.at("2025-10-01T08:47:01.122Z")
            server.get("/api/agents/message", "POST")
            place.at("2025-10-01T08:47:05.007Z")
            server.get("/api/agents/message/unhandled", "POST")
            place.at("2025-10-01T08:48:11.480Z")
            server.websocket()
            yield kind, server.stop().normalised()
        with Workplace(python) as place:
            place.at("2025-10-03T06:00:04.210Z")
            server = Server(place, "stdlib", kind).wait_exit()
            yield f"{kind}-startup", server.stop().normalised()
    with Workplace(python) as place:
        place.at("2025-10-03T06:00:04.210Z")
        server = Server(place, "stdlib", "uvicorn", RELAPSE_DEGRADED="1").wait_ready()
        place.at("2025-10-03T06:00:30.000Z")
        server.get("/health")
        yield "uvicorn-degraded", server.stop().normalised()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--stdlib-only", action="store_true")
    parser.add_argument("--examples", type=pathlib.Path)
    options = parser.parse_args()
    if (options.examples or not options.stdlib_only) and (missing := missing_packages(options.python)):
        sys.exit(f"{options.python} lacks {', '.join(missing)}: install them with `{options.python} -m pip install -r {REQUIREMENTS}`")
    if options.out:
        version = "import sys; print('python-%d.%d' % sys.version_info[:2])"
        target = options.out / subprocess.check_output([options.python, "-c", version], text=True).strip()
        makers = [stdlib, stale] if options.stdlib_only else [stdlib, stale, libraries, servers]
        write(target, (made for maker in makers for made in maker(options.python)))
    if options.examples:
        from examples import examples

        write(options.examples, examples(options.python))


def write(folder, made):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in made:
        (folder / f"{name}.log").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
