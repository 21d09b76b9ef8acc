"""What a child of netecho may import: what its parent does, and nothing that depends on the working directory."""

from __future__ import annotations

import os
from pathlib import Path

import netecho
from netecho.net.python_child import command, environment

ROOT = str(Path(netecho.__file__).resolve().parents[1])


def path(*entries: str, directory: str = "/tmp/d", **environ: str) -> list[str]:
    return environment(environ, entries, directory)["PYTHONPATH"].split(":")


def test_no_directory_is_put_before_the_import_path() -> None:
    assert "-P" in command("netecho.net.server.worker")


def test_it_has_the_path_of_this_process_with_netecho_last() -> None:
    assert path("/usr/lib/python3", "/opt/site") == ["/usr/lib/python3", "/opt/site", ROOT]
    assert path(ROOT, "/opt/site") == ["/opt/site", ROOT]


def test_what_depends_on_the_working_directory_is_left_out() -> None:
    assert path("", ".", "lib", "/tmp/d", "/tmp/x/../d", "/opt/site") == ["/opt/site", ROOT]


def test_what_python_made_absolute_is_left_out_too() -> None:
    assert path("/tmp/d", "/tmp/d/lib", "/tmp/lib", "/opt", PYTHONPATH=":lib:../lib:/opt") == ["/opt", ROOT]


def test_the_working_directory_under_another_name_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert path(str(tmp_path / "link"), directory=str(tmp_path / "real")) == [ROOT]


def test_an_entry_that_would_be_read_as_two_is_left_out() -> None:
    assert path("/opt/a:b", "/opt/c") == ["/opt/c", ROOT]


def test_the_rest_of_the_environment_stays() -> None:
    made = environment({"HOME": "/root", "PYTHONPATH": "x"}, ["/opt"], os.sep)
    assert made == {"HOME": "/root", "PYTHONPATH": f"/opt{os.pathsep}{ROOT}"}
