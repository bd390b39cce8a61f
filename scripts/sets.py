"""Signature sets to measure with: N realistic error texts, 95 % with a literal of at least 8 bytes, 5 % without any. Deterministic.

Each signature is a regular expression every peer understands, and a maker of lines that match it. The first N of one list are the set
of N, so that a smaller set is part of every larger one.
"""

import json
import pathlib
import random

SEED = 20260117
# Of every 20 signatures one has no literal: the "full" sets keep it, the "lit" sets leave it out.
EVERY = 20
SUBJECTS = (
    "session token cache query agent message thread queue worker socket pool event batch retry state supervisor execution "
    "pipeline handler payload schema index tenant quota budget stream cursor lease shard replica snapshot partition broker "
    "consumer producer ledger invoice webhook gateway router resolver scheduler registry manifest bucket volume secret policy"
).split()
VERBS = (
    "open close flush commit acquire release allocate decode encode resolve dispatch rebalance replicate serialize validate "
    "authenticate authorize parse render persist publish subscribe rotate migrate compact checkpoint upload download"
).split()
REASONS = (
    "connection reset by peer|no space left on device|deadline exceeded|permission denied|broken pipe|too many open files|"
    "certificate has expired|name or service not known|operation not permitted|resource temporarily unavailable|"
    "unexpected end of stream|checksum mismatch|stale file handle|cannot allocate memory|protocol violation|lock wait timeout"
).split("|")
KINDS = (
    "TypeError ValueError KeyError AttributeError RuntimeError TimeoutError ConnectionError PermissionError IntegrityError "
    "OperationalError DeadlockDetected SerializationFailure ValidationError NotImplementedError UnicodeDecodeError OSError"
).split()


class Maker:
    """Names that look like a large code base's."""

    def __init__(self, rng: random.Random):
        self.rng = rng

    def one(self, words) -> str:
        return self.rng.choice(words)

    def name(self) -> str:
        return f"{self.one(VERBS)}_{self.one(SUBJECTS)}_{self.one(SUBJECTS)}"

    def camel(self) -> str:
        return "".join(self.one(SUBJECTS).capitalize() for _ in range(self.rng.randrange(2, 4)))

    def number(self) -> str:
        return str(self.rng.randrange(1, 100_000))

    def with_literal(self) -> tuple[str, str]:
        """A regular expression and one text that it matches."""
        a, b, name, camel, reason = self.one(SUBJECTS), self.one(VERBS), self.name(), self.camel(), self.one(REASONS)
        kind, n = self.one(KINDS), self.number()
        return self.one(
            (
                (rf"\b{name}\(\) got an unexpected keyword argument '\w+'", f"{name}() got an unexpected keyword argument 'context'"),
                (rf"{kind}: '{camel}' object has no attribute '{a}_\w+'", f"{kind}: '{camel}' object has no attribute '{a}_id'"),
                (rf"failed to {b} {a} \S+: {reason}", f"failed to {b} {a} {a}-{n}: {reason}"),
                (rf"{camel}\.{name}: {reason} after \d+ attempts", f"{camel}.{name}: {reason} after {n} attempts"),
                (rf"could not {b} {a} \d+ of \d+ \({reason}\)", f"could not {b} {a} {n} of 7 ({reason})"),
                (rf"{a}-{self.one(SUBJECTS)}-{n[:4]}: {reason}", ""),
                (rf"\[{camel}\] {b} timed out after \d+ms", f"[{camel}] {b} timed out after {n}ms"),
                (rf'relation "{a}_{self.one(SUBJECTS)}s?_{n[:3]}" does not exist', ""),
                (rf"(?:{kind}|{self.one(KINDS)}): {name}", f"{kind}: {name}"),
                (rf"module '{a}\.{b}' has no attribute '{name}'", f"module '{a}.{b}' has no attribute '{name}'"),
                (rf"E{n.zfill(5)}: {a} {b} rejected", f"E{n.zfill(5)}: {a} {b} rejected"),
                (rf'duplicate key value violates unique constraint "{a}_{name}_key"', ""),
            )
        )

    def without_literal(self) -> tuple[str, str]:
        """No text of three bytes that every match contains: four families."""
        a, b = self.rng.randrange(10, 100), self.rng.randrange(10, 100)
        letters = "".join(self.rng.choice("QXZKVJW") for _ in range(2))
        return self.one(
            (
                (rf"\b{letters}\d{{4}}-{a}\d{{2}}\b", f"{letters}1234-{a}56"),
                (rf"\b{a}\d{{3}}/{b}\d{{3}}/[a-z]{{2}}\b", f"{a}123/{b}456/ab"),
                (rf"\w+\[{a}\d\]\.{letters}\(\d+\)", f"worker[{a}1].{letters}(17)"),
                (rf"\b0x[0-9a-f]{{4}}{a}[0-9a-f]{{2}}:{b}\b", f"0x12ab{a}cd:{b}"),
            )
        )


def signatures(count: int) -> list[tuple[str, str, bool]]:
    """Regular expression, a text that it matches, whether it has a literal."""
    made, seen = [], set()
    maker = Maker(random.Random(SEED))
    while len(made) < count:
        open_one = len(made) % EVERY == EVERY - 1
        pattern, text = maker.without_literal() if open_one else maker.with_literal()
        if pattern in seen:
            continue
        seen.add(pattern)
        # A pattern without variable parts is its own text.
        plain = pattern.replace("\\b", "").replace("\\", "").replace("s?_", "s_")
        made.append((pattern, text or plain, not open_one))
    return made


def chosen(count: int, full: bool) -> list[tuple[int, str, str]]:
    """Number, regular expression and text of a set."""
    return [(at, pattern, text) for at, (pattern, text, literal) in enumerate(signatures(count)) if full or literal]


def write_catalog(folder: pathlib.Path, count: int, full: bool) -> pathlib.Path:
    path = folder / f"set-{count}-{'full' if full else 'lit'}.yaml"
    documents = [
        f"schema: relapse/v1\nid: s{at:05}\ntitle: incident {at}\nstate: open\ndetection: {{pattern: {json.dumps(pattern)}}}\n"
        for at, pattern, _ in chosen(count, full)
    ]
    path.write_text("---\n".join(documents))
    return path


def write_patterns(folder: pathlib.Path, count: int, full: bool) -> pathlib.Path:
    """One regular expression a line, for the peers."""
    path = folder / f"set-{count}-{'full' if full else 'lit'}.txt"
    path.write_text("".join(f"{pattern}\n" for _, pattern, _ in chosen(count, full)))
    return path


def texts(rng: random.Random, count: int) -> list[str]:
    """Texts to strew into a log: of signatures of every set, the small ones included."""
    made = [text for _, text, _ in signatures(10_000)]
    bounds = (5, 100, 1_000, 10_000)
    return [made[rng.randrange(bounds[at % len(bounds)])] for at in range(count)]
