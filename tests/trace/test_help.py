"""`netecho help trace` explains every finding there is."""

from __future__ import annotations

import re
from pathlib import Path

import netecho.trace
from netecho.help.topics import source

ROOM = Path(netecho.trace.__file__).parent


def test_every_code_is_explained() -> None:
    texts = [path.read_text("utf-8") for path in ROOM.glob("*.py")]
    codes = {code for text in texts for code in re.findall(r'Finding\(\s*"([a-z-]+)"', text)}
    codes |= {code for text in texts for code in re.findall(r'"((?:dscp|ecn)-changed)"', text)}
    explained = source("trace").partition("\n## What is said\n")[2].partition("\n## ")[0]
    assert codes == set(re.findall(r"`([a-z-]+)`(?=[^|]*\|)", explained))
