"""Tables of measurements: made of rows, and put between the marks of a page."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent


def table(head: list[str], rows: list[list[str]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write(page: str, mark: str, text: str) -> None:
    """Replaces what stands between `<!-- MARK begins -->` and `<!-- MARK ends -->` of a page below docs/."""
    path = ROOT / "docs" / page
    begin, end = f"<!-- {mark} begins -->", f"<!-- {mark} ends -->"
    path.write_text(re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{text}{end}", path.read_text(), flags=re.S))
