"""`python -m tests.cost`: what each route costs now, and how that differs from docs/cost.md.

`--write` makes it what docs/cost.md says. The work is counted by this Python, and by each `--python`, with the
server that `--database` names.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.cost.counts import renewed
from tests.cost.measuring import statements, work
from tests.cost.page import PAGE, Page, Row, read, written
from tests.servers import start


def main() -> None:
    """Measure, print, and write where asked to."""
    options = _options()
    text = PAGE.read_text() if PAGE.exists() else ""
    before = read(text)
    with TemporaryDirectory() as directory, start(options.database, Path(directory)) as server:
        costs = {name: one.usual for name, one in statements(server).items()}
        rows = {name: Row(cost.statements, cost.round_trips) for name, cost in costs.items()}
        counts = {
            where: counted
            for python in (sys.executable, *options.python)
            for where, counted in work(server, python).items()
        }
    page = Page(rows, renewed(before.work, counts))
    now = written(page)
    lines = difflib.unified_diff(text.splitlines(), now.splitlines(), "docs/cost.md", "now", n=0, lineterm="")
    said = [now, *(lines if now != text else ["docs/cost.md says so, too."])]
    if options.write:
        PAGE.write_text(now)
        others = [" with ".join(where) for where in sorted(set(page.work) - set(counts))]
        said.append(f"Written; the counts of {', '.join(others) or 'others'} are as they were.")
    sys.stdout.write("\n".join([*said, ""]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.cost", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/cost.md")
    parser.add_argument("--database", choices=("auto", "url", "docker", "local"), default="auto")
    parser.add_argument(
        "--python", action="append", default=[], help="another interpreter, with the same packages"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
