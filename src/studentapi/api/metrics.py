"""Prometheus metrics: requests, and what befell the database's connections, over all worker processes.

The figures stand in memory that the workers share (`studentapi.mysql.board`), so that whichever of them answers
tells of all, with no directory of files to configure and to clean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from studentapi.mysql.observation import COUNTERS, GAUGES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from studentapi.api.latency import Latency
    from studentapi.api.rate_limits import RateLimits
    from studentapi.mysql.observation import Observation

CONTENT_TYPE = CONTENT_TYPE_LATEST
PREFIX = "studentapi_database_"


class DatabaseMetrics:
    """A Prometheus collector for one `Observation`."""

    def __init__(self, observation: Observation) -> None:
        self._observation = observation

    def collect(self) -> Iterator[Metric]:
        """The counters and gauges of the moment."""
        totals = self._observation.totals()
        for name, meaning in COUNTERS.items():
            yield CounterMetricFamily(PREFIX + name, meaning, value=totals[name])
        for name, meaning in GAUGES.items():
            yield GaugeMetricFamily(PREFIX + name, meaning, value=totals[name])
        number = sum(1 for _ in self._observation.connections())
        yield GaugeMetricFamily(PREFIX + "connections", "Connections that are open", value=number)


class LimitMetrics:
    """A Prometheus collector for one `RateLimits`."""

    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits

    def collect(self) -> Iterator[Metric]:
        """What was let through without being counted."""
        yield CounterMetricFamily(
            "studentapi_rate_limits_uncounted",
            "Requests let through because their counter had no room, or its storage no answer",
            value=self._limits.uncounted,
        )


def exposition(observation: Observation, latency: Latency, limits: RateLimits) -> bytes:
    """All metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(LimitMetrics(limits))
    registry.register(DatabaseMetrics(observation))
    registry.register(latency)
    return generate_latest(registry)
