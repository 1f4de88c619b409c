"""The callable that uwsgi.ini names."""

import atexit
import gc
import os
import signal
from typing import TYPE_CHECKING

from studentapi import logs
from studentapi.api.state import EXTENSION
from studentapi.api.waiting_room import WaitingRoom
from studentapi.api.worker_log import keep_headers_out
from studentapi.app import create_app

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

_app = create_app()
_database = _app.extensions[EXTENSION].database
# uWSGI runs these in each worker that ends in order, after its last request; the last one registered comes first.
atexit.register(_database.close)

application: "WSGIApplication" = _app
try:
    import uwsgi  # type: ignore[import-untyped]  # it is there under uWSGI alone
except ImportError:  # another server, which keeps its connections to itself
    pass
else:
    application = WaitingRoom(_app, _database, uwsgi)
    atexit.register(application.close)
    os.register_at_fork(after_in_child=keep_headers_out)
    logs.let_requests_wait()
    # uWSGI ignores it until a worker is ready, and its master asks by it for the end: a worker that was only just
    # forked would never hear of it, and be waited for.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
# What is loaded by now stays: the workers' garbage collectors need not look through it again and again, nor write
# into memory that they share.
gc.collect()
gc.freeze()
