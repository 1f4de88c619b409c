"""MySQL and MariaDB error codes and what follows from each: the only place that looks at a code."""

from __future__ import annotations

import enum

from pymysql import err


class Consequence(enum.Enum):
    """What an error means for the connection and for the work."""

    KEEP = "the statement failed; the connection goes on"
    DISCARD = "the connection is over; what is safe to repeat may run once more on another"
    GIVE_UP = "the connection is over, by the statement's own fault; it must not be sent again"
    RUN_AGAIN = "roll back and run the whole transaction again"
    TIMED_OUT = "the server ended the statement at its deadline; the connection goes on"
    LEAVE_SERVER = "this server takes no writes or is not ready; look for another"
    WAIT = "no connection now; it may be had in a while"
    REFUSED = "no connection; asking again will not help"


CONSEQUENCES: dict[int, Consequence] = {
    # The connection is over, or has lost its place in the protocol.
    2006: Consequence.DISCARD,  # CR_SERVER_GONE_ERROR
    2013: Consequence.DISCARD,  # CR_SERVER_LOST
    2014: Consequence.DISCARD,  # CR_COMMANDS_OUT_OF_SYNC
    2027: Consequence.DISCARD,  # CR_MALFORMED_PACKET
    2055: Consequence.DISCARD,  # CR_SERVER_LOST_EXTENDED
    4031: Consequence.DISCARD,  # ER_CLIENT_INTERACTION_TIMEOUT: MySQL's farewell after wait_timeout
    1053: Consequence.DISCARD,  # ER_SERVER_SHUTDOWN
    1077: Consequence.DISCARD,  # ER_NORMAL_SHUTDOWN
    1152: Consequence.DISCARD,  # ER_ABORTING_CONNECTION
    1158: Consequence.DISCARD,  # ER_NET_READ_ERROR
    1159: Consequence.DISCARD,  # ER_NET_READ_INTERRUPTED
    1160: Consequence.DISCARD,  # ER_NET_ERROR_ON_WRITE
    1161: Consequence.DISCARD,  # ER_NET_WRITE_INTERRUPTED
    1184: Consequence.DISCARD,  # ER_NEW_ABORTING_CONNECTION
    1927: Consequence.DISCARD,  # ER_CONNECTION_KILLED (MariaDB)
    1153: Consequence.GIVE_UP,  # ER_NET_PACKET_TOO_LARGE: its socket is still open, and of no use
    # Contention. 1213 has undone the whole transaction; 1205 its last statement alone, the rest is ours to undo.
    1020: Consequence.RUN_AGAIN,  # ER_CHECKREAD: a snapshot conflict (MariaDB)
    1180: Consequence.RUN_AGAIN,  # ER_ERROR_DURING_COMMIT: a Galera node that was thrown out, among others
    1205: Consequence.RUN_AGAIN,  # ER_LOCK_WAIT_TIMEOUT
    1213: Consequence.RUN_AGAIN,  # ER_LOCK_DEADLOCK, and Galera's certification failure
    # 1317: KILL QUERY, by an administrator or by a server that shuts down.
    1317: Consequence.RUN_AGAIN,  # ER_QUERY_INTERRUPTED
    3101: Consequence.RUN_AGAIN,  # ER_TRANSACTION_ROLLBACK_DURING_COMMIT: group replication's certification
    # Too slow.
    1969: Consequence.TIMED_OUT,  # ER_STATEMENT_TIMEOUT: max_statement_time (MariaDB)
    3024: Consequence.TIMED_OUT,  # ER_QUERY_TIMEOUT: max_execution_time (MySQL)
    # Not the server to write to.
    1047: Consequence.LEAVE_SERVER,  # ER_UNKNOWN_COM_ERROR: a Galera node that is not synced
    1290: Consequence.LEAVE_SERVER,  # ER_OPTION_PREVENTS_STATEMENT: --read-only
    1792: Consequence.LEAVE_SERVER,  # ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
    1836: Consequence.LEAVE_SERVER,  # ER_READ_ONLY_MODE
    1874: Consequence.LEAVE_SERVER,  # ER_INNODB_READ_ONLY
    3032: Consequence.LEAVE_SERVER,  # ER_SERVER_OFFLINE_MODE
    3100: Consequence.LEAVE_SERVER,  # ER_RUN_HOOK_ERROR: group replication
    # No connection, for now.
    1040: Consequence.WAIT,  # ER_CON_COUNT_ERROR
    1129: Consequence.WAIT,  # ER_HOST_IS_BLOCKED
    1203: Consequence.WAIT,  # ER_TOO_MANY_USER_CONNECTIONS
    1226: Consequence.WAIT,  # ER_USER_LIMIT_REACHED
    2001: Consequence.WAIT,  # CR_SOCKET_CREATE_ERROR
    2002: Consequence.WAIT,  # CR_CONNECTION_ERROR
    2003: Consequence.WAIT,  # CR_CONN_HOST_ERROR
    2005: Consequence.WAIT,  # CR_UNKNOWN_HOST
    2012: Consequence.WAIT,  # CR_SERVER_HANDSHAKE_ERR
    # No connection, whenever we ask.
    1044: Consequence.REFUSED,  # ER_DBACCESS_DENIED_ERROR
    1045: Consequence.REFUSED,  # ER_ACCESS_DENIED_ERROR
    1049: Consequence.REFUSED,  # ER_BAD_DB_ERROR
    1130: Consequence.REFUSED,  # ER_HOST_NOT_PRIVILEGED
    1698: Consequence.REFUSED,  # ER_ACCESS_DENIED_NO_PASSWORD_ERROR
    1862: Consequence.REFUSED,  # ER_MUST_CHANGE_PASSWORD_LOGIN
    3118: Consequence.REFUSED,  # ER_ACCOUNT_HAS_BEEN_LOCKED
    3955: Consequence.REFUSED,  # ER_USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_PASSWORD_LOCK
    4151: Consequence.REFUSED,  # ER_ACCOUNT_HAS_BEEN_LOCKED (MariaDB)
    2026: Consequence.REFUSED,  # CR_SSL_CONNECTION_ERROR
    2059: Consequence.REFUSED,  # CR_AUTH_PLUGIN_CANNOT_LOAD
    2061: Consequence.REFUSED,  # CR_AUTH_PLUGIN_ERR
}
"""A code that is not here failed its statement alone (`KEEP`)."""


_PREVENTED = 1290
"""The one code that says too little: only its message names the option."""


def code_of(error: err.Error) -> int:
    """The server's or the client library's error code; 0 where the error has none."""
    code = error.args[0] if error.args else 0
    return code if isinstance(code, int) else 0


def is_missing_table(error: err.Error) -> bool:
    """Whether a statement named a table that does not exist: the migrations have not run."""
    return code_of(error) == 1146  # noqa: PLR2004 - ER_NO_SUCH_TABLE


def is_duplicate(error: err.Error) -> bool:
    """Whether a row was refused for a key that is there already."""
    return code_of(error) == 1062  # noqa: PLR2004 - ER_DUP_ENTRY


def is_locked(error: err.Error) -> bool:
    """Whether a row was not waited for, or not any longer, because another transaction has it."""
    return code_of(error) in {1205, 3572}  # ER_LOCK_WAIT_TIMEOUT (MariaDB's NOWAIT, too), ER_LOCK_NOWAIT


def is_open_after_commit(error: err.Error) -> bool:
    """Whether `error`, met at COMMIT, leaves open what became of the transaction."""
    return consequence(error) in (Consequence.DISCARD, Consequence.TIMED_OUT) or code_of(error) in (1180, 1317)


def read_only() -> err.OperationalError:
    """The error where no server takes writes, with the code of one that refuses them by --read-only."""
    return err.OperationalError(_PREVENTED, "Every server of the database's address is read-only")


def consequence(error: err.Error) -> Consequence:
    """What follows from `error`."""
    code = code_of(error)
    if isinstance(error, TooLarge):
        return Consequence.KEEP
    if code == 0 and isinstance(error, err.InterfaceError | err.InternalError):
        # PyMySQL's ways of saying that its socket is closed, or that a packet came out of order.
        return Consequence.DISCARD
    if code == _PREVENTED and "read-only" not in str(error.args[-1]):
        return Consequence.KEEP  # another option, such as --secure-file-priv
    return CONSEQUENCES.get(code, Consequence.KEEP)


class TooLarge(err.DataError):
    """A statement that is longer than the server takes; it was not sent."""


class DatabaseUnavailable(err.OperationalError):
    """No connection could be had, or it was lost; no transaction was left half done."""


class NoConnection(DatabaseUnavailable):
    """No connection could be had within the patience; nothing was sent."""


class Crowded(NoConnection):
    """All threads that may use the database at once are waiting for it; nothing was sent."""


class StatementTimeout(err.OperationalError):
    """A statement passed its deadline; its transaction, if it was in one, is rolled back."""


class SessionLost(err.OperationalError):
    """A connection was lost whose session had a state that nobody had declared: a variable, a table, a lock."""


class CommitUnknown(err.OperationalError):
    """The reply to COMMIT was lost: the transaction is there whole, or not at all."""
