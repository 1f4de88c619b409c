"""The callable that uwsgi.ini names."""

import atexit

from studentapi.api.state import EXTENSION
from studentapi.app import create_app

application = create_app()
# uWSGI runs this in each worker that ends in order, after its last request.
atexit.register(application.extensions[EXTENSION].database.close)
