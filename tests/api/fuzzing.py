"""schemathesis against the running service, by what its OpenAPI document says.

By hand, with as many examples as one has time for, against the service on an empty gradebook of one's own:
`python -m tests.api.fuzzing http://127.0.0.1:8000 TOKEN --examples 200 --seed 7`.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.engine import events, from_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemathesis.engine.recorder import ScenarioRecorder

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
PHASES = ("examples", "coverage", "fuzzing", "stateful")
FORM = "urn:studentapi:invalid-request"
"""The type of a problem with the form of a request, which the document says."""


class RefusedForItsForm(Failure):
    """A request that is valid by the document, and was refused for its form."""


@schemathesis.check
def refused_for_its_form(
    context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """See that what is refused for its form is not what the document allows."""
    del context
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code != 422:
        return
    problem = response.json()
    if problem["type"] == FORM:
        raise RefusedForItsForm(
            operation=case.operation.label, title="Valid by the document, refused", message=str(problem["errors"])
        )


@dataclass
class Report:
    """What a run has seen: cases by phase, answers by status, and failures, each with a way to repeat it."""

    cases: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, phase: str, label: str, recorder: ScenarioRecorder) -> None:
        """Take in what a scenario has seen."""
        self.cases[phase] += len(recorder.cases)
        for interaction in recorder.interactions.values():
            if interaction.response is not None:
                self.statuses[interaction.response.status_code] += 1
        for case, checks in recorder.checks.items():
            for check in checks:
                if check.failure_info is None:
                    continue
                failure = check.failure_info.failure
                known = recorder.interactions.get(case)
                answer = None if known is None else known.response
                said = "" if answer is None else f"{answer.status_code} {answer.text[:1000]}"
                key = f"{check.name} {label}: {failure.title}"
                self.failures.setdefault(key, f"{failure.message}\n{check.failure_info.code_sample}\n{said}")

    def __str__(self) -> str:
        found = "\n\n".join(f"{key}\n{text}" for key, text in self.failures.items())
        counts = f"{dict(self.cases)} cases, {dict(sorted(self.statuses.items()))} answers, {self.seconds:.0f} s"
        return f"{counts}, {len(self.failures)} failures\n{found}"


def fuzz(
    address: str,
    token: str,
    *,
    examples: int,
    seed: int = 1,
    phases: Sequence[str] = PHASES,
    expected: Sequence[str] = (),
    without: str = "",
) -> Report:
    """Run all checks against the service at `address`; `examples` for each operation and phase.

    `expected`: statuses of failures below that are no faults here. `without`: a pattern of paths.
    """
    config = schemathesis.Config.from_path(CONFIGURATION)
    config = schemathesis.Config(seed=seed, projects=config.projects)
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json", config=config)
    project: Any = schema.config
    project.headers = {"Authorization": f"Bearer {token}"}
    project.generation.update(max_examples=examples)
    if expected:
        known = project.checks.not_a_server_error
        known.expected_statuses = [*known.expected_statuses, *expected]
        # a token that nobody knows is looked up, too: its answer is 503 where the database is away
        project.checks.ignored_auth.enabled = False
    for phase in PHASES:
        getattr(project.phases, phase).enabled = phase in phases
    report, started = Report(), time.monotonic()
    for event in from_schema(schema.exclude(path_regex=without) if without else schema).execute():
        if isinstance(event, events.ScenarioFinished):
            report.add(event.phase.name, event.label or "", event.recorder)
        elif isinstance(event, events.NonFatalError):
            report.failures[f"error {event.label}"] = event.info.format()
        elif isinstance(event, events.FatalError):
            raise event.exception
    report.seconds = time.monotonic() - started
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("token")
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--phases", default=",".join(PHASES))
    parser.add_argument("--expected", default="")
    parser.add_argument("--without", default="", help="a pattern of paths")
    given = parser.parse_args()
    report = fuzz(
        given.address,
        given.token,
        examples=given.examples,
        seed=given.seed,
        phases=given.phases.split(","),
        expected=[status for status in given.expected.split(",") if status],
        without=given.without,
    )
    print(report)  # noqa: T201


if __name__ == "__main__":
    main()
