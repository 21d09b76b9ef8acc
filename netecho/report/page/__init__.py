"""The page of a monitor: plain HTML, CSS and JavaScript modules, as they are served; nothing is built or fetched.

index.html    its skeleton
page.css      how it looks, in the light and in the dark
main.js       what happens: events in, rows and charts out
events.js     server-sent events by fetch, which can carry a token
table.js      the table: sorted, filtered, a row a target
chart.js      one target over time, by uPlot
detail.js     one target opened
format.js     figures as text, and elements made of text alone
uplot/        uPlot 1.6.32, as its author published it, with its licence

Whatever a peer, a resolver or a configuration said is put in as text, never as HTML.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_NAMES = (
    "page.css",
    "icon.svg",
    "main.js",
    "events.js",
    "table.js",
    "chart.js",
    "detail.js",
    "format.js",
    "uplot/uPlot.iife.min.js",
    "uplot/uPlot.min.css",
)


class PageFile(NamedTuple):
    """One of its files."""

    text: str
    content_type: str


def files() -> Mapping[str, PageFile]:
    """Return the files, by the path that each is served at."""
    return {"/": _read("index.html"), **{f"/page/{name}": _read(name) for name in _NAMES}}


def _read(name: str) -> PageFile:
    text = resources.files(__name__).joinpath(*name.split("/")).read_text("utf-8")
    return PageFile(text, _TYPES[name.rpartition(".")[2]])
