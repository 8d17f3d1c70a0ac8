"""Serves ASGI applications on sockets, in one process or several.

    sockets = bind("0.0.0.0", 8443), bind("0.0.0.0", 8080)

    async def work(process: Process) -> None:
        ...  # open the desk, put its applications together
        await serve([Endpoint(sockets[0], app, tls), Endpoint(sockets[1], plain_app)], process)

    sys.exit(run(work, processes=2))

Sockets come first, then the fork, then everything else: processes share the sockets, and memory that was made
before them, and nothing more.
"""

from certdesk.serving.listeners import Endpoint, bind, serve, server_tls
from certdesk.serving.processes import Process, run

__all__ = ["Endpoint", "Process", "bind", "run", "serve", "server_tls"]
