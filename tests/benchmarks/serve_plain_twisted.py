"""The echo server of every Twisted tutorial, on a free port of loopback: what netecho's must not be slower than."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet import reactor as installed
from twisted.internet.protocol import Factory, Protocol


class Echo(Protocol):
    def dataReceived(self, data: bytes) -> None:
        cast("Any", self.transport).write(data)


def main() -> None:
    reactor: Any = installed
    port = reactor.listenTCP(0, Factory.forProtocol(Echo), interface="127.0.0.1")
    print("ready", port.getHost().port, flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
