"""Lays the miniature service out on disk: at the line numbers the reports name, before or after its fixes.

    python layout.py ROOT [--fixed FILE…] [--stale FILE…]

A template line `#@line N` pads with blank lines so that what follows stands at line N; a line that ends in `#@old` belongs to the
code before the fix, one that ends in `#@new` to the code after it.
"""

import argparse
import pathlib
import py_compile
import subprocess
import sys

SERVICE = pathlib.Path(__file__).resolve().parent / "service"


def render(text, variant):
    other = {"old": "#@new", "new": "#@old"}[variant]
    lines = []
    for line in text.splitlines():
        if line.startswith("#@line "):
            lines.extend([""] * (int(line.split()[1]) - 1 - len(lines)))
        elif not line.endswith(other):
            lines.append(line.split("  #@")[0])
    return "\n".join(lines) + "\n"


def lay_out(root, variant, only=None):
    """Writes the service below `root`; `only` keeps the other files as they are (used to replace a source under its bytecode)."""
    for template in sorted(SERVICE.rglob("*.*")):
        if "__pycache__" in template.parts:
            continue
        relative = template.relative_to(SERVICE)
        if only and str(relative) not in only:
            continue
        target = pathlib.Path(root) / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(render(template.read_text(encoding="utf-8"), variant), encoding="utf-8")


def make_stale(root, modules, python=sys.executable):
    """Compiles the modules with `python` as they are, then puts the fixed source in their place; the bytecode stays in force."""
    for module in modules:
        subprocess.run([python, __file__, "--compile", str(pathlib.Path(root) / module)], check=True)
    lay_out(root, "new", only=set(modules))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root")
    parser.add_argument("--fixed", nargs="*", default=[], help="files as they are after the fix")
    parser.add_argument("--stale", nargs="*", default=[], help="files whose source is fixed and whose bytecode is not")
    parser.add_argument("--compile", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.compile:
        py_compile.compile(options.root, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
        return
    lay_out(options.root, "old")
    if options.fixed:
        lay_out(options.root, "new", only=set(options.fixed))
    if options.stale:
        make_stale(options.root, options.stale)


if __name__ == "__main__":
    main()
