"""Wall clock of the fixtures: `RELAPSE_FAKE_NOW` (RFC 3339), or the file `RELAPSE_FAKE_CLOCK` that the driver rewrites. Without them the
real clock.

Only the wall clock is replaced; monotonic time, which servers and event loops run on, is the real one.
"""

import datetime
import os
import time

UTC = datetime.timezone.utc


def is_fake():
    return "RELAPSE_FAKE_CLOCK" in os.environ or "RELAPSE_FAKE_NOW" in os.environ


def now():
    if not is_fake():
        return datetime.datetime.now(UTC)
    path = os.environ.get("RELAPSE_FAKE_CLOCK")
    if path:
        with open(path, encoding="ascii") as clock:
            text = clock.read().strip()
    else:
        text = os.environ["RELAPSE_FAKE_NOW"]
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def utc_text():
    return now().strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


def aware_now(like):
    """The same type of datetime as `like` (loguru subclasses it to render its own formats)."""
    moment = now()
    return type(like)(
        moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, moment.microsecond, UTC
    )


def install():
    if not is_fake():
        return
    real_localtime, real_gmtime, real_strftime = time.localtime, time.gmtime, time.strftime
    # A hair more than the moment: older interpreters cut the milliseconds of a float and would print one less.
    time.time = lambda: now().timestamp() + 0.0002
    time.time_ns = lambda: int(now().timestamp() * 1000) * 1_000_000
    time.localtime = lambda seconds=None: real_localtime(time.time() if seconds is None else seconds)
    time.gmtime = lambda seconds=None: real_gmtime(time.time() if seconds is None else seconds)
    time.strftime = lambda text, moment=None: real_strftime(text, moment or real_localtime(time.time()))
