"""A network and a /etc/hosts of our own, so that packets may be dropped and names moved, and nobody else sees it.

The whole run, servers and clients among it, moves into namespaces that the kernel removes with its last process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

INSIDE = "LAB_ISOLATED"
PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
OLD_FLOWS, NEW_FLOWS = (33_000, 45_999), (46_000, 60_999)
"""Ports that outgoing connections get before and after a firewall has forgotten what it knew."""
_TRIAL = "ip link set lo up; iptables --list --numeric; mount --bind /etc/hosts /etc/hosts"


def is_possible() -> bool:
    """Whether this process may make namespaces, and has the programs for it; tried, as not every root may."""
    if is_inside():
        return True
    if shutil.which("unshare") is None:
        return False
    trial = ["unshare", "--net", "--mount", "sh", "-ec", _TRIAL]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


def is_inside() -> bool:
    """Whether this process runs in namespaces of its own."""
    return INSIDE in os.environ


def enter() -> None:
    """Run this command again in namespaces of its own; does nothing inside."""
    if not is_inside():
        command = ["unshare", "--net", "--mount", sys.executable, *sys.orig_argv[1:]]
        os.execvpe(command[0], command, {**os.environ, INSIDE: "yes"})  # noqa: S606 - there is no shell to want


def set_up(hosts: Path) -> None:
    """Make the namespaces usable; the file `hosts` becomes this run's /etc/hosts."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    hosts.write_text(Path("/etc/hosts").read_text())
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
    grant_ports(OLD_FLOWS)


def name_host(name: str, address: str) -> None:
    """Let `name` mean `address` from now on, as a DNS change would."""
    hosts = Path("/etc/hosts")
    others = [line for line in hosts.read_text().splitlines() if not line.endswith(f" {name}")]
    # in place: another file would not be the one that is mounted
    hosts.write_text("\n".join([*others, f"{address} {name}"]) + "\n")


def grant_ports(ports: tuple[int, int]) -> None:
    """Let outgoing connections from now on have these ports."""
    PORT_RANGE.write_text(f"{ports[0]} {ports[1]}")


class Firewall:
    """What stands before the server at `host` and `port`; drops and refusals end with `open`."""

    def __init__(self, host: str, port: int) -> None:
        self._to = ("--destination", host, "--dport", str(port))
        self._from = ("--source", host, "--sport", str(port))

    def forget(self) -> None:
        """Drop in silence what belongs to connections that are open now; new ones pass."""
        grant_ports(NEW_FLOWS)
        first, last = OLD_FLOWS
        self._rule(*self._to, "--sport", f"{first}:{last}", "-j", "DROP")
        self._rule(*self._from, "--dport", f"{first}:{last}", "-j", "DROP")

    def refuse(self) -> None:
        """Answer what belongs to connections that are open now with a reset; new ones pass."""
        grant_ports(NEW_FLOWS)
        first, last = OLD_FLOWS
        self._rule(*self._to, "--sport", f"{first}:{last}", "-j", "REJECT", "--reject-with", "tcp-reset")

    def drop(self) -> None:
        """Drop every packet in silence, in both directions."""
        self._rule(*self._to, "-j", "DROP")
        self._rule(*self._from, "-j", "DROP")

    def open(self) -> None:
        """Let everything pass."""
        subprocess.run(["iptables", "--flush", "INPUT"], check=True)
        grant_ports(OLD_FLOWS)

    def _rule(self, *rule: str) -> None:
        # on the way in: a packet that is dropped on the way out is an error for who sends it
        subprocess.run(["iptables", "--append", "INPUT", "--protocol", "tcp", *rule], check=True)
