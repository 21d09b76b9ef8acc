"""The program that a supervisor starts for each worker: `python -m netecho.net.server.worker_program`.

It only sees that Twisted is imported without what a server does not need, which is most of the time that a worker's
start takes; `worker` is the worker.
"""

from __future__ import annotations

from netecho.net.reactor.lean_imports import import_twisted


def main() -> None:
    """Be a worker."""
    import_twisted()
    from netecho.net.server import worker

    worker.main()


if __name__ == "__main__":
    main()
