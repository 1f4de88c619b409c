"""The callable that uwsgi.ini names."""

import atexit
import gc
import os
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
# What is loaded by now stays: the workers' garbage collectors need not look through it again and again, nor write
# into memory that they share.
gc.collect()
gc.freeze()
