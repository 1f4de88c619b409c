"""What a fault did to the clients of an answer: counted from their requests and from the rows in the table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from lab.faults.load import GAVE_UP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.faults.load import Sample

STALL = 1.0
"""Seconds above which a good answer counts as a stall."""
STEADY = 2.0
"""Seconds of good answers, up to the end of the watch, that count as recovered."""


UNANSWERED = "no answer to the end"
"""What is said of a request that was still waiting when the services were ended."""


class Severity(StrEnum):
    """The worst that a client saw, in rising order."""

    UNTOUCHED = "untouched"
    NOTHING = "nothing"
    STALL = "stall"
    FAILED = "failed"
    DOWN = "down"
    ROWS = "rows"


@dataclass(frozen=True)
class Outcome:
    """Counts of requests and rows; `stall` and `recovery` in seconds, `recovery` None where it never came.

    `lost` were acknowledged and are not there; `doubled` are there more often than once; `unsure` were answered
    with an error, or not at all, and are there: a client that tries again doubles them.
    """

    reads: int
    reads_failed: int
    writes: int
    writes_failed: int
    lost: int
    doubled: int
    unsure: int
    stall: float
    recovery: float | None
    touched: bool = True
    said: dict[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Requests that failed."""
        return self.reads_failed + self.writes_failed

    @property
    def hung(self) -> bool:
        """Whether all that failed did so for want of an answer."""
        return self.failed > 0 and self.failed == self.said.get(GAVE_UP, 0) + self.said.get(UNANSWERED, 0)

    @property
    def severity(self) -> Severity:
        """The worst of it."""
        if self.lost or self.doubled:
            return Severity.ROWS
        if self.failed:
            return Severity.DOWN if self.recovery is None else Severity.FAILED
        if not self.touched:
            return Severity.UNTOUCHED
        return Severity.STALL if self.stall > STALL else Severity.NOTHING


def judge(
    samples: Sequence[Sample],
    rows: Mapping[str, int],
    *,
    began: float,
    ended: float,
    until: float,
    touched: bool = True,
) -> Outcome:
    """Judge what happened since `began`; the fault was over at `ended`, the watch at `until` (monotonic seconds).

    `rows` says how often each key is in the table. Rows are counted for all samples, requests for those that were
    answered after `began`.
    """
    watched = [sample for sample in samples if sample.ended >= began]
    bad = [sample for sample in watched if not sample.good]
    writes = [sample for sample in samples if sample.write]
    last_bad = max((sample.ended for sample in bad), default=ended)
    return Outcome(
        reads=sum(not sample.write for sample in watched),
        reads_failed=sum(not sample.write for sample in bad),
        writes=sum(sample.write for sample in watched),
        writes_failed=sum(sample.write for sample in bad),
        lost=sum(sample.good and not rows.get(sample.key) for sample in writes),
        doubled=sum(rows.get(sample.key, 0) > 1 for sample in writes),
        unsure=sum(not sample.good and rows.get(sample.key, 0) > 0 for sample in writes),
        stall=max((sample.ended - sample.began for sample in watched), default=until - began),
        recovery=max(0.0, last_bad - ended) if _recovered(watched, last_bad, until) else None,
        touched=touched,
        said=dict(Counter(UNANSWERED if _was_hanging(sample, until) else sample.said for sample in bad)),
    )


def _was_hanging(sample: Sample, until: float) -> bool:
    """Whether it took the end of the service, after the watch, to end the request."""
    return sample.ended > until and not sample.said.isdecimal()


def _recovered(watched: Sequence[Sample], last_bad: float, until: float) -> bool:
    """Whether good answers came after the last bad one, for long enough."""
    return until - last_bad >= STEADY and any(sample.good and sample.ended > last_bad for sample in watched)
