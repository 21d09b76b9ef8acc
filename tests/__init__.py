"""The tests, and what they are run against: a relay, peers, the installed command."""

import os
import tempfile
from pathlib import Path

BYTECODE = Path(tempfile.gettempdir(), f"netecho-tests-{os.getuid()}")
"""Compiled modules, from one run of the tests to the next: where Python is told to write none beside the sources,
each of some 500 commands would compile all of netecho anew, which takes half of its start."""
