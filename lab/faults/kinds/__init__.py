"""The faults, in the order of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.faults.kinds import connections, deadlocks, failover, network, replies, servers

if TYPE_CHECKING:
    from lab.faults.kinds.fault import Fault

FAULTS: tuple[Fault, ...] = (
    connections.NoFault(),
    connections.WaitTimeout(),
    connections.KilledIdle(),
    connections.KilledUnderLoad(),
    connections.KilledInStatement(),
    servers.Restarted(),
    servers.KilledAndStarted(),
    servers.Frozen(),
    network.Forgotten(),
    network.Reset(),
    network.ForgottenInFlight(),
    network.Silence(),
    replies.LostInsert(),
    replies.LostCommit(),
    replies.CommitNeverSent(),
    connections.TooMany(),
    deadlocks.Deadlocks(),
    failover.Switchover(),
    servers.AwayTooLong(),
    failover.Disaster(),
)
