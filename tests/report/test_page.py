"""The page's files: all served, nothing from elsewhere, nothing that its Content-Security-Policy forbids."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from netecho.report import page

FILES = page.files()
OURS = {path: file for path, file in FILES.items() if "/uplot/" not in path}


def test_every_file_that_is_there_is_served_and_is_what_it_says() -> None:
    room = resources.files(page)
    there = {each.name for each in room.iterdir() if each.is_file() and not each.name.endswith(".py")}
    assert {path.removeprefix("/page/") or "index.html" for path in OURS} - {"/"} | {"index.html"} == there
    assert FILES["/"].content_type == "text/html; charset=utf-8"
    assert FILES["/page/main.js"].content_type == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("path", OURS)
def test_nothing_is_asked_for_elsewhere_and_nothing_is_read_as_html(path: str) -> None:
    text = OURS[path].text.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|@import|\burl\(", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function|srcdoc", text)


def test_the_page_has_no_script_and_no_style_in_itself() -> None:
    text = FILES["/"].text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert re.findall(r"<script(?![^>]*\ssrc=)", text) == []
    named = set(re.findall(r'(?:src|href)="(page/[^"]+)"', text))
    assert {f"/{each}" for each in named} <= set(FILES)


def test_modules_import_what_there_is() -> None:
    for file in OURS.values():
        for name in re.findall(r'from "\./([\w.]+)"', file.text):
            assert f"/page/{name}" in FILES


def test_what_is_vendored_has_its_version_and_its_licence() -> None:
    version = re.search(r"uPlot \(v([\d.]+)\)|uPlot (\d[\d.]+\d)", page.__doc__ or "")
    assert version is not None
    assert f"(v{version[2]})" in FILES["/page/uplot/uPlot.iife.min.js"].text[:100]
    licence = resources.files(page).joinpath("uplot", "LICENSE").read_text("utf-8")
    assert licence.startswith("The MIT License (MIT)")
