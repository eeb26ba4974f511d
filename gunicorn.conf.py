"""How gunicorn serves Memgraph. The environment decides, by way of our settings."""

import gc
import hashlib
import os
import runpy
import shutil
import signal
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

# Read, but not imported: the workers import them afresh, so that a reload sees what was edited.
settings = runpy.run_module(os.environ.get("DJANGO_SETTINGS_MODULE", "memgraph.settings"))


def metrics_folder() -> Path:
    """In memory if possible: the workers map these files, and writing to a mapped file on a full disk kills them."""
    place = f"{settings['DATA_DIR']} {settings['HOST']} {settings['PORT']}"
    name = f"memgraph-metrics-{hashlib.sha256(place.encode()).hexdigest()[:16]}"
    for parent in (Path("/dev/shm"), Path(settings["DATA_DIR"], "run")):  # noqa: S108 - its owner is checked
        folder = parent / name
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=parent.name == "run", exist_ok=True)
            found = folder.lstat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():  # no link into a folder of ours
                return folder
    sys.exit(f"memgraph: there is no place for the metrics: {folder} can't be made.")


metrics = metrics_folder()
timeouts = "-c statement_timeout=5s -c lock_timeout=3s"
INTERRUPT_SECONDS = 2

wsgi_app = "memgraph.wsgi:application"
host = settings["HOST"].strip("[]")
bind = f"[{host}]:{settings['PORT']}" if ":" in host else f"{host}:{settings['PORT']}"
workers = settings["WEB_CONCURRENCY"]
worker_class = "memgraph.server.worker.Worker"
threads = settings["THREADS"]
reload = settings["DEVELOPMENT"]
raw_env = [
    f"PROMETHEUS_MULTIPROC_DIR={metrics}",
    # For requests only: migrations and commands take their time.
    f"PGOPTIONS={os.environ.get('PGOPTIONS', '')} {timeouts}".replace("= ", "="),
]

graceful_timeout = 25  # what a request in flight gets at SIGTERM and SIGHUP
keepalive = 65  # longer than the 60 s of common load balancers, so that they close first
limit_request_line = 8190
limit_request_fields = 64
limit_request_field_size = 8190
forwarded_allow_ips = ""  # whom to believe is TRUSTED_PROXIES' affair
secure_scheme_headers: dict[str, str] = {}
http_parser = "python"  # not whichever is installed: the C one judges malformed requests differently
sendfile = False  # it would wait for ever for a client that does not read
control_socket_disable = True
loglevel = "warning"
logconfig_dict = settings["LOGGING"]  # JSON, as everything else: gunicorn's own format fails without process ids


def on_starting(server: Any) -> None:
    for file in metrics.iterdir():  # of an earlier server
        file.unlink()

    def interrupt() -> None:
        server.cfg.set("graceful_timeout", INTERRUPT_SECONDS)
        server.handle_term()

    # Ctrl-C: gunicorn's own way kills requests in flight.
    server.handle_int = interrupt


def when_ready(server: Any) -> None:
    # Whoever started us may have held Ctrl-C back until somebody listens to it.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def post_worker_init(worker: Any) -> None:
    from postgres import deadlines  # here, as the application: a reload sees what was edited

    deadlines.watch()
    # What is loaded by now stays, so collections need not look at it; and a request's own rubbish has few cycles.
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000)


def on_exit(server: Any) -> None:
    shutil.rmtree(metrics, ignore_errors=True)


def child_exit(server: Any, worker: Any) -> None:
    from prometheus_client import multiprocess  # here: it looks for the folder when it is imported

    multiprocess.mark_process_dead(worker.pid, str(metrics))  # type: ignore[no-untyped-call]
