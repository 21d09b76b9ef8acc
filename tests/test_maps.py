"""Each package opens with a map: what every module and package in it holds, one line each."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import netecho

ROOM = Path(netecho.__file__).parent
PACKAGES = sorted(path.parent for path in ROOM.rglob("__init__.py"))


def entries(package: Path) -> dict[str, str]:
    """The lines of a package's map: names, and what is said of each."""
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8"))) or ""
    lines = re.findall(r"^ *(\w+(?:, \w+)*)  +(\S.*)$", text, re.MULTILINE)
    return {name: said for names, said in lines for name in names.split(", ")}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: str(path.relative_to(ROOM.parent)))
def test_a_package_opens_with_a_map_of_all_that_is_in_it(package: Path) -> None:
    modules = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    names = modules | {path.parent.name for path in package.glob("*/__init__.py")}
    missing, gone = sorted(names - set(entries(package))), sorted(set(entries(package)) - names)
    where = f"{package.relative_to(ROOM.parent)}/__init__.py"
    assert missing == [], f"give each a line in the docstring of {where}:     name    what it holds"
    assert gone == [], f"take these lines out of the docstring of {where}: there are no such modules"
