"""Chromium without a window, driven by the DevTools protocol over two pipes: no library, no port."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

FOUND = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LONGEST = 30.0


class Chromium:
    """A browser with one page."""

    def __init__(self) -> None:
        assert FOUND is not None
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        # The protocol is read from descriptor 3 and written to 4.
        command = (
            f"exec 3<&{theirs_in} 4>&{theirs_out}; exec {FOUND} --headless=new --no-sandbox --disable-gpu"
            f" --remote-debugging-pipe --no-first-run --disable-extensions --hide-scrollbars"
            f" --disable-background-networking --user-data-dir={self._folder.name} about:blank"
        )
        self._process = subprocess.Popen(
            ["bash", "-c", command],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._in, self._out = ours_in, ours_out
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.errors: list[str] = []
        """What the page said on its console that it should not have, and exceptions."""
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(each for each in targets if each["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._out)
        os.close(self._in)
        self._process.terminate()
        self._process.wait(LONGEST)
        self._folder.cleanup()

    def call(self, method: str, **parameters: Any) -> Any:
        """Do one thing, and return its result."""
        self._number += 1
        request = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            request["sessionId"] = self._session
        os.write(self._out, json.dumps(request).encode() + b"\0")
        until = time.monotonic() + LONGEST
        while True:
            said = self._next(until)
            if said.get("id") == self._number:
                assert "error" not in said, said["error"]
                return said["result"]

    def _next(self, until: float) -> Any:
        while b"\0" not in self._rest:
            left = until - time.monotonic()
            assert left > 0, "Chromium says nothing"
            if select.select([self._in], [], [], left)[0]:
                data = os.read(self._in, 1 << 20)
                assert data, "Chromium ended"
                self._rest += data
        line, _, self._rest = self._rest.partition(b"\0")
        said = json.loads(line)
        self._notice(said.get("method"), said.get("params", {}))
        return said

    def _notice(self, method: str | None, facts: Any) -> None:
        if method == "Runtime.exceptionThrown":
            details = facts["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and facts["type"] in ("error", "warning", "assert"):
            self.errors.append(str([each.get("value", each.get("description")) for each in facts["args"]]))
        elif method == "Log.entryAdded" and facts["entry"]["level"] in ("error", "warning"):
            self.errors.append(f"{facts['entry']['text']} {facts['entry'].get('url', '')}")

    def size(self, width: int, height: int, *, dark: bool = False, scale: float = 1) -> None:
        """Show so many pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )
        scheme = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, url: str) -> None:
        """Go to a page."""
        self.call("Page.navigate", url=url)

    def value(self, expression: str) -> Any:
        """Return what an expression of JavaScript is."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, expression: str, most: float = LONGEST) -> float:
        """Wait until an expression is true; return the seconds that took."""
        began = time.monotonic()
        while not self.value(expression):
            assert time.monotonic() - began < most, f"not within {most} s: {expression}"
            time.sleep(0.02)
        return time.monotonic() - began

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Draw what is shown into a file."""
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))
