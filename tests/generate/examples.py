"""The example logs: longer stretches of the same service, healthy lines and failures, at the times the reports are about."""

import datetime
import json

from runner import Server
from runner import Workplace

STARTUP = "netra_backend/app/startup_module.py"
HANDLER = "netra_backend/app/websocket_core/agent_handler.py"
SUPERVISOR = "netra_backend/app/websocket_core/supervisor_factory.py"
FIXED = [STARTUP, HANDLER, SUPERVISOR]
MESSAGE = ("POST", "/api/agents/message")


def examples(python):
    yield "netra-backend-2025-10", regression(python)
    yield "netra-backend-otel-2025-10", live_releases(python)
    yield "netra-backend-stale-bytecode", stale_bytecode(python)
    yield "netra-backend-startup-2025-10", startup(python)
    yield "netra-backend-supervisor-2025-10", supervisor(python)
    yield "netra-backend-loguru-2025-10", loguru(python)
    yield "netra-backend-2025-09-08", rollout(python)


def times(first, last, seconds, jitter=7):
    """Every `seconds` from `first` to `last`, not quite regular."""
    moment, end, turn = parse(first), parse(last), 0
    while moment <= end:
        yield moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{(turn * 137) % 1000:03d}Z"
        turn += 1
        moment += datetime.timedelta(seconds=seconds + (turn * 5) % jitter)


def parse(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def drive(server, steps):
    """`steps`: (time, method, path), asked in the order of their time."""
    for moment, method, path in sorted(steps):
        server.place.at(moment)
        server.get(path, method)
    return server


def health(first, last, seconds):
    return [(moment, "GET", "/health") for moment in times(first, last, seconds)]


def regression(python):
    """The keyword is back in a build of October; before that the same process answers for an hour and a half."""
    with Workplace(python, fixed=[STARTUP]) as place:
        place.at("2025-10-01T07:05:00.000Z")
        server = Server(place, "stdlib", "gunicorn").wait_ready()
        failures = ["2025-10-01T08:47:01.122Z", "2025-10-01T08:47:09.530Z", "2025-10-01T08:52:40.018Z", "2025-10-01T09:03:17.804Z"]
        drive(server, health("2025-10-01T07:06:00Z", "2025-10-01T09:10:00Z", 65) + [(at, *MESSAGE) for at in failures])
        return server.stop().normalised()


def rollout(python):
    """The morning of the fix: failures before 08:38 UTC, a restart at 08:38:30, and one more from a straggler at 08:47."""
    text = ""
    for boot, last, failures in [
        ("2025-09-08T08:20:02.000Z", "2025-09-08T08:37:30Z", ["08:21:14.090", "08:29:40.555", "08:36:02.417"]),
        ("2025-09-08T08:38:30.000Z", "2025-09-08T08:50:00Z", ["08:47:01.122"]),
    ]:
        with Workplace(python, fixed=[STARTUP]) as place:
            place.at(boot)
            server = Server(place, "stdlib", "gunicorn").wait_ready()
            first = (parse(boot) + datetime.timedelta(seconds=20)).isoformat()
            drive(server, health(first, last, 45) + [(f"2025-09-08T{at}Z", *MESSAGE) for at in failures])
            text += server.stop().normalised()
    return text


def stale_bytecode(python):
    """The sources are fixed, the bytecode is not: the traceback prints the fixed line under the old error."""
    with Workplace(python, fixed=[STARTUP]) as place:
        place.make_stale(HANDLER)
        place.at("2025-10-06T13:02:11.000Z")
        server = Server(place, "dash", "gunicorn").wait_ready()
        failures = ["2025-10-06T13:21:45.000Z", "2025-10-06T13:40:03.000Z"]
        drive(server, health("2025-10-06T13:03:00Z", "2025-10-06T13:50:00Z", 60) + [(at, *MESSAGE) for at in failures])
        return server.stop().normalised()


def startup(python):
    """Three starts that fail; then the same code behind a front that keeps answering, with 503."""
    text = ""
    for boot in ("2025-10-03T06:00:04.210Z", "2025-10-03T06:00:31.877Z", "2025-10-03T06:01:12.402Z"):
        with Workplace(python) as place:
            place.at(boot)
            text += Server(place, "stdlib", "gunicorn").wait_exit().stop().normalised()
    with Workplace(python) as place:
        place.at("2025-10-03T06:03:00.950Z")
        server = Server(place, "stdlib", "gunicorn", RELAPSE_DEGRADED="1").wait_ready()
        drive(server, health("2025-10-03T06:03:10Z", "2025-10-03T06:05:00Z", 20))
        return text + server.stop().normalised()


def supervisor(python):
    """structlog JSON; the process is known to have started weeks after the fix, which names a commit and no release."""
    resource = (
        "service.name=netra-backend,service.instance.id=netra-backend-staging-00741-kwb,"
        "deployment.environment.name=staging,process.creation.time=2025-10-02T09:00:00Z"
    )
    with Workplace(python, fixed=[STARTUP, HANDLER]) as place:
        place.at("2025-10-02T09:00:03.000Z")
        server = Server(place, "structlog", json=True, RELAPSE_RESOURCE=resource).wait_ready()
        drive(server, [(at, *MESSAGE) for at in times("2025-10-02T09:02:00Z", "2025-10-02T10:40:00Z", 200)])
        for at in ("2025-10-02T10:41:07.300Z", "2025-10-02T10:42:19.004Z"):
            place.at(at)
            server.get("/api/agents/message/unhandled", "POST")
        return only_json(server.stop().normalised())


def live_releases(python):
    """Three instances over one hour and a half, every line with OpenTelemetry names: two of the build with the fault, one zombie."""
    lines = []
    for instance, version, started, boot, failures in [
        ("00712-qzt", "2.4.0", "2025-09-05T18:11:40Z", "2025-10-02T07:30:00Z", ["2025-10-02T08:58:12.250Z"]),
        ("00734-fvm", "2.5.0", "2025-10-02T07:31:00Z", "2025-10-02T07:31:00Z", ["2025-10-02T09:01:33.910Z", "2025-10-02T09:02:02.118Z"]),
        ("00734-xkd", "2.5.0", "2025-10-02T07:31:04Z", "2025-10-02T07:31:04Z", ["2025-10-02T09:05:47.671Z"]),
    ]:
        resource = (
            f"service.name=netra-backend,service.version={version},service.instance.id=netra-backend-staging-{instance},"
            f"deployment.environment.name=staging,process.creation.time={started}"
        )
        with Workplace(python, fixed=[STARTUP]) as place:
            place.at(boot.replace("Z", ".500Z"))
            server = Server(place, "jsonlogger", json=True, RELAPSE_RESOURCE=resource).wait_ready()
            first = (parse(boot) + datetime.timedelta(seconds=20)).isoformat()
            drive(server, health(first, "2025-10-02T09:10:00Z", 150) + [(at, *MESSAGE) for at in failures])
            lines += only_json(server.stop().normalised()).splitlines()
    lines.sort(key=lambda line: json.loads(line)["timestamp"])
    return "".join(f"{line}\n" for line in lines)


def only_json(text):
    """Without what the libraries print before the service has configured its logging."""
    return "".join(f"{line}\n" for line in text.splitlines() if line.startswith("{"))


def loguru(python):
    """loguru text without release, instance or start: the supervisor cannot be judged, the placeholder can, recreate is healthy."""
    steps = [(at, "healthy") for at in times("2025-10-04T15:00:00Z", "2025-10-04T16:20:00Z", 240)]
    steps += [
        ("2025-10-04T16:21:10.412Z", "supervisor"),
        ("2025-10-04T16:24:55.090Z", "placeholder"),
        ("2025-10-04T16:25:31.777Z", "recreate"),
    ]
    with Workplace(python, fixed=[STARTUP, HANDLER]) as place:
        return place.run_scenarios("loguru_plain", steps)
