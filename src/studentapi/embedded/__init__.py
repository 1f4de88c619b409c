"""A private MySQL or MariaDB server in a directory of its own, for trying out and for tests.

It knows nothing of students, and nothing of a database system that the machine may already run.
"""

from studentapi.embedded.binary import Binary, find_server
from studentapi.embedded.errors import ServerError
from studentapi.embedded.server import PrivateServer

__all__ = ["Binary", "PrivateServer", "ServerError", "find_server"]
