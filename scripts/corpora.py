"""Log files to measure with: realistic shapes, and the worst ones. Deterministic: one seed, one file.

Each corpus is a block of a few megabytes of distinct lines, written again and again; matches are strewn in once a block.
"""

import json
import pathlib
import random

import sets

SEED = 20250908
LINES = 20_000
MATCH = "create_websocket_manager() got an unexpected keyword argument 'context'"
WORDS = (
    "session user token cache query agent message thread queue worker socket pool event batch retry state "
    "supervisor execution pipeline handler payload schema index tenant quota budget stream cursor lease"
).split()
# Texts of the sets in sets.py that neither JSON nor anything else writes differently: a peer looks at raw lines.
SET_TEXTS = [text for text in sets.texts(random.Random(SEED), 400) if '"' not in text and "\\" not in text]
TRACEBACK = """Traceback (most recent call last):
  File "/app/netra_backend/app/agents/{a}.py", line {n}, in {b}
    result = await self.{b}(state, run_id={n})
             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/site-packages/sqlalchemy/engine/base.py", line 1967, in _exec_single_context
    self.dialect.do_execute(cursor, str_statement, effective_parameters, context)
{a}.errors.QueryCanceled: canceling statement due to statement timeout"""


class Lines:
    """Lines of every shape, each a little different."""

    def __init__(self, rng: random.Random):
        self.rng = rng

    def words(self) -> str:
        return " ".join(self.rng.choice(WORDS) for _ in range(self.rng.randrange(4, 16)))

    def word(self) -> str:
        return self.rng.choice(WORDS)

    def clock(self, separator: str) -> str:
        # Within one minute, so that time never goes far back when the block is written again.
        return f"2025-10-01{separator}08:47:{self.rng.randrange(60):02}"

    def plain(self) -> str:
        number = self.rng.randrange(1000)
        return f"{self.clock(' ')},{number:03} - netra.{self.word()} - INFO - {self.words()} id={self.rng.randrange(10**9)}"

    def loguru(self) -> str:
        number = self.rng.randrange(1000)
        return f"{self.clock(' ')}.{number:03} | DEBUG    | app.{self.word()}:run:{number} | {self.words()}"

    def coloured(self) -> str:
        number = self.rng.randrange(1000)
        return (
            f"\x1b[32m{self.clock(' ')}.{number:03}\x1b[0m | \x1b[1mINFO    \x1b[0m | \x1b[36mapp.{self.word()}\x1b[0m:"
            f"\x1b[36mrun\x1b[0m:\x1b[36m{number}\x1b[0m - \x1b[1m{self.words()}\x1b[0m"
        )

    def uvicorn(self) -> str:
        port, number = self.rng.randrange(1024, 65535), self.rng.randrange(10**6)
        return f'INFO:     127.0.0.1:{port} - "GET /api/{self.word()}/{number} HTTP/1.1" 200 OK'

    def headless(self) -> str:
        return f"{self.words()} took {self.rng.randrange(5000)} ms"

    def json(self) -> str:
        return json.dumps(self._fields())

    def json_release(self) -> str:
        release = {"service.name": "netra-backend", "service.version": "2.5.0", "service.instance.id": "a1"}
        return json.dumps({**self._fields(), **release})

    def _fields(self) -> dict:
        return {
            "timestamp": f"{self.clock('T')}Z", "severity": "INFO", "message": self.words(),
            "logger": f"app.{self.word()}", "duration_ms": self.rng.randrange(5000),
        }

    def traceback(self) -> str:
        body = TRACEBACK.format(a=self.word(), b=self.word(), n=self.rng.randrange(1000))
        return f"{self.clock(' ')},122 - netra.{self.word()} - ERROR - {self.words()}\n{body}"

    def match(self) -> str:
        return f"{self.clock(' ')},122 - netra.agent_handler - ERROR - {MATCH} {self.rng.randrange(10**6)}"

    def match_set(self) -> str:
        text, number = self.rng.choice(SET_TEXTS), self.rng.randrange(10**6)
        if number % 2:
            return f"{self.clock(' ')},122 - netra.agent_handler - ERROR - {text} {number}"
        return json.dumps({**self._fields(), "severity": "ERROR", "message": f"{text} {number}"})

    def match_headless(self) -> str:
        return f"TypeError: {MATCH} {self.rng.randrange(10**6)}"

    def match_json(self) -> str:
        return json.dumps({**self._fields(), "severity": "ERROR", "message": MATCH, "service.version": "2.5.0"})

    def match_set_plain(self) -> str:
        return f"{self.clock(' ')},122 - netra.agent_handler - ERROR - {self.rng.choice(SET_TEXTS)} {self.rng.randrange(10**6)}"

    def match_traceback(self) -> str:
        return f"{self.traceback()}\nTypeError: {MATCH}"


def strewn(*shapes: str, every: int = LINES, match: str = "match"):
    """Lines of `shapes` in turn, and a match once in `every` lines."""

    def block() -> bytes:
        lines = Lines(random.Random(SEED))
        makers = [getattr(lines, shape) for shape in shapes]
        text = [
            getattr(lines, match)() if number % every == every - 1 else makers[number % len(makers)]()
            for number in range(LINES)
        ]
        return ("\n".join(text) + "\n").encode()

    return block


def one_line() -> bytes:
    lines = Lines(random.Random(SEED))
    return " ".join(lines.words() for _ in range(LINES)).encode()


MIXED = ["plain", "loguru", "uvicorn", "json_release", "json", "plain", "coloured", "uvicorn", "json_release", "loguru"]
CORPORA = {
    "mixed": strewn(*MIXED * 5, "traceback"),
    "plain": strewn("plain", "loguru"),
    "access": strewn("uvicorn"),
    "json": strewn("json"),
    "json-release": strewn("json_release"),
    "coloured": strewn("coloured"),
    "headless": strewn("headless", match="match_headless"),
    "tracebacks": strewn("traceback"),
    "storm": strewn("plain", every=10),
    "storm-json": strewn("json_release", every=10, match="match_json"),
    "storm-headless": strewn("headless", every=10, match="match_headless"),
    "storm-tracebacks": strewn("plain", every=10, match="match_traceback"),
    "sets": strewn(*MIXED * 5, "traceback", every=500, match="match_set"),
    "storm-sets": strewn("plain", every=10, match="match_set_plain"),
    "one-line": one_line,
    "nul": lambda: bytes(4_000_000),
}


def write(folder: pathlib.Path, name: str, megabytes: int) -> pathlib.Path:
    """The file of one corpus, at least so many megabytes; written once."""
    path = folder / f"{name}-{megabytes}.log"
    wanted = megabytes * 1_000_000
    if path.exists() and path.stat().st_size >= wanted:
        return path
    block, written = CORPORA[name](), 0
    with path.open("wb") as out:
        while written < wanted:
            written += out.write(block)
    return path
