"""`python -m tests.browser.load`: Chromium as a client of `netecho serve nq://`, from a page of another origin.

It asks what there is, fetches the small resource, ten megabytes of the large one, and uploads one (Chromium without a
window sends half a megabyte a second at most, to whatever server); with the token, for which a browser asks beforehand
(CORS), and without. What is refused is to be read by the page, not only by the browser, and the console has nothing to
say but of what was refused.
"""

from __future__ import annotations

import http.server
import json
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import tools
from tests.browser.chromium import FOUND, Chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "0123456789abcdef"
MUCH, SOME = 10 << 20, 1 << 20
CLIENT = """
(async (root, headers) => {
  const {urls} = await (await fetch(`${root}/.well-known/nq`)).json();
  const small = await (await fetch(urls.small_download_url)).text();
  const large = await fetch(urls.large_download_url, {headers});
  let read = 0;
  if (large.ok) {
    const reader = large.body.getReader();
    while (read < %d) read += (await reader.read()).value.length;
    await reader.cancel();
  }
  const body = new Uint8Array(%d);
  const upload = await fetch(urls.upload_url, {method: 'POST', body, headers});
  const why = upload.ok ? '' : await upload.text();
  const timed = performance.getEntriesByName(urls.small_download_url)[0].requestStart > 0;
  return {small, large: large.status, enough: read >= %d, upload: upload.status, why, timed};
})(%s, %s)
"""


@contextmanager
def service(*options: str) -> Iterator[str]:
    """A server of load; its address."""
    command = [*tools.NETECHO, "serve", "nq://127.0.0.1:0", "--format", "ndjson", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        finally:
            process.terminate()


class _Empty(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer with a page that has nothing."""
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def elsewhere() -> Iterator[str]:
    """A page of another origin."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Empty) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def played(browser: Chromium, root: str, headers: dict[str, str]) -> dict[str, object]:
    """What the page came to."""
    found = browser.value(CLIENT % (MUCH, SOME, MUCH, json.dumps(root), json.dumps(headers)))
    assert isinstance(found, dict)
    return found


def main() -> None:
    """Play all of it, and say so."""
    assert FOUND is not None, "Chromium is not installed"
    shown = {"authorization": f"Bearer {TOKEN}"}
    with tempfile.TemporaryDirectory() as folder, elsewhere() as page, Chromium() as browser:
        token = Path(folder) / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        browser.open(page)
        browser.until(f"document.readyState === 'complete' && location.href === {json.dumps(page)}")
        whole = {"small": "n", "large": 200, "enough": True, "upload": 200, "why": "", "timed": True}
        with service() as root:
            found = played(browser, root, {})
            assert found == whole, found
        with service("--token-file", str(token)) as root:
            found = played(browser, root, shown)
            assert found == whole, found
            assert not browser.errors, browser.errors
            found = played(browser, root, {})
            assert (found["large"], found["upload"]) == (401, 401), found
            assert "token" in str(found["why"]), found
    print("Chromium: what there is, small, large and upload, with a token and without one")


if __name__ == "__main__":
    main()
