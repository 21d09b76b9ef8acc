"""`python -m tests.browser [FOLDER]`: the page of a real monitor in Chromium, with an outage that is made meanwhile.

It is seen that charts are drawn, that the outage is on the page within `SOON` of the first probe that was lost, that
what a name says is no HTML, that the keyboard does, that a token is asked for, and that the console has nothing to say.
Pictures of the table and of a target, in four sizes and schemes, go into the folder.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import tools
from tests.browser.chromium import FOUND, Chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON = 2.0
HOSTILE = "<img src=x onerror=alert(1)>"
TOKEN = "0123456789abcdef"
SIZES = ((1400, 900, 1), (390, 844, 2))
CONFIG = """
[defaults]
interval = "100ms"
timeout = "400ms"
labels = {{ site = "<b>ams</b>" }}
[[targets]]
name = "steady"
target = "{steady}"
[[targets]]
name = "cut"
target = "{cut}"
[[targets]]
name = '{hostile}'
target = "{steady}"
[[targets]]
target = "tcp://nosuch.invalid:80"
"""


@contextmanager
def monitor(folder: Path, *options: str, **urls: str) -> Iterator[str]:
    """A monitor that serves its page; its address."""
    config = folder / "targets.toml"
    config.write_text(CONFIG.format(hostile=HOSTILE, **urls))
    command = [*tools.NETECHO, "monitor", "--config", str(config), "--listen", "127.0.0.1:0", "--format", "ndjson"]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.communicate()


def row(name: str, more: str = "") -> str:
    """JavaScript for a target's row."""
    rows = "[...document.querySelectorAll('#rows tr')]"
    return f"{rows}.find((tr) => tr.querySelector('a').textContent === {json.dumps(name)}){more}"


def open_target(browser: Chromium, name: str) -> None:
    browser.value(f"location.hash = '#/' + encodeURIComponent({json.dumps(name)})")
    browser.until("document.querySelectorAll('.charts canvas').length === 2")


def drawn(browser: Chromium) -> None:
    """See that each chart has more than one colour."""
    browser.until(
        """[...document.querySelectorAll('.charts canvas')].every((canvas) => {
          const image = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          return new Set(new Uint32Array(image.data.buffer)).size > 3;
        })"""
    )


def outage(browser: Chromium, server: subprocess.Popen[bytes]) -> float:
    """Cut the target that is open, and return the seconds until the page says that it is down."""
    browser.until(row("cut", ".dataset.state === 'up'"))
    server.terminate()
    server.wait()
    began = time.monotonic()
    browser.until(row("cut", ".dataset.state !== 'up'"))
    took = time.monotonic() - began
    browser.until("['down', 'unreachable'].includes(document.querySelector('.now').dataset.state)")
    browser.until("document.querySelector('.readout .key-outage') !== null")
    assert browser.value("document.querySelector('#rows tr').dataset.state !== 'up'"), "the worst is not first"
    return took


def keyboard(browser: Chromium) -> None:
    """Filter, sort and close by keys alone."""
    press(browser, "/")
    assert browser.value("document.activeElement.id") == "filter"
    browser.call("Input.insertText", text="SITE=<B>ams steady")
    browser.until("[...document.querySelectorAll('#rows tr')].filter((tr) => !tr.hidden).length === 1")
    browser.value("Object.assign(document.getElementById('filter'), {value: ''}).dispatchEvent(new Event('input'))")
    browser.value("document.querySelector('th[data-key=name] button').focus()")
    press(browser, "Enter", "\r")
    assert browser.value("document.querySelector('th[data-key=name]').getAttribute('aria-sort')") == "ascending"
    browser.value("document.querySelector('th[data-key=worst] button').click()")
    press(browser, "Escape")
    browser.until("document.getElementById('detail').hidden")


def press(browser: Chromium, key: str, text: str | None = None) -> None:
    more = {"text": text} if text else {}
    browser.call("Input.dispatchKeyEvent", type="keyDown", key=key, **more)
    browser.call("Input.dispatchKeyEvent", type="keyUp", key=key)


def asked_for_a_token(browser: Chromium, folder: Path, **urls: str) -> None:
    """See that the page asks for the token, says when it is another, and goes on with the right one."""
    file = folder / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    with monitor(folder, "--token-file", str(file), **urls) as url:
        browser.open(url)
        browser.until("document.getElementById('ask')?.open === true")
        for given, then in (
            ("not the token", "document.getElementById('ask-why').textContent.startsWith('That is not')"),
            (TOKEN, "document.querySelectorAll('#rows tr').length === 4"),
        ):
            browser.value(f"document.getElementById('token').value = {json.dumps(given)}")
            browser.value("document.querySelector('#ask button').click()")
            browser.until(f"document.readyState === 'complete' && {then}")
        assert not browser.value("document.getElementById('ask').open")
    # A browser says on its console that it was refused: no more than that.
    browser.errors = [each for each in browser.errors if "401" not in each and "ERR_" not in each]


def pictures(browser: Chromium, url: str, folder: Path) -> None:
    for dark in (False, True):
        for width, height, scale in SIZES:
            browser.size(width, height, dark=dark, scale=scale)
            browser.open("about:blank")
            browser.open(url)
            browser.until("document.querySelectorAll('#rows tr').length === 4")
            name = f"{width}-{'dark' if dark else 'light'}.png"
            assert browser.value("document.documentElement.scrollWidth <= innerWidth"), f"wider than {width} pixels"
            browser.picture(folder / f"table-{name}")
            open_target(browser, "cut")
            drawn(browser)
            assert browser.value("document.documentElement.scrollWidth <= innerWidth"), f"wider than {width} pixels"
            browser.picture(folder / f"target-{name}")


def main() -> None:
    if FOUND is None:
        print("skipped: there is no Chromium here")
        return
    with ExitStack() as entered:
        scratch = Path(entered.enter_context(tempfile.TemporaryDirectory()))
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else scratch
        folder.mkdir(parents=True, exist_ok=True)
        steady = entered.enter_context(tools.server("udp"))
        cut = subprocess.Popen(
            [*tools.NETECHO, "serve", "udp://127.0.0.1:0", "--format", "ndjson"], stdout=subprocess.PIPE
        )
        entered.callback(cut.kill)
        assert cut.stdout is not None
        url = json.loads(cut.stdout.readline())
        address = f"udp://127.0.0.1:{url['port']}"
        browser = entered.enter_context(Chromium())
        page = entered.enter_context(monitor(scratch, "--history", str(scratch / "h.db"), steady=steady, cut=address))
        browser.size(1400, 900)
        browser.open(page)
        browser.until("document.querySelectorAll('#rows tr').length === 4")
        assert browser.value("document.querySelectorAll('#rows img, #rows b').length") == 0, "a name became HTML"
        open_target(browser, "cut")
        drawn(browser)
        took = outage(browser, cut)
        print(f"an outage was on the page {took:.2f} s after it was made (goal: {SOON:g} s)")
        for word in ("1 h", "24 h"):
            buttons = "[...document.querySelectorAll('.ranges button')]"
            browser.value(f"{buttons}.find((each) => each.textContent === '{word}').click()")
            browser.until("document.querySelector('.said').textContent !== ''")
        keyboard(browser)
        pictures(browser, page, folder)
        browser.size(1400, 900)
        asked_for_a_token(browser, scratch, steady=steady, cut=address)
        assert browser.errors == [], browser.errors
        assert took <= SOON, f"{took:.2f} s"
        print(
            "charts drawn, keys obeyed, a token asked for, nothing on the console",
            f"pictures in {folder}" if folder != scratch else "",
        )


if __name__ == "__main__":
    main()
