"""formats."""

from typing import Literal, get_args

Format = Literal["text", "json", "ndjson", "csv", "junit", "github", "openmetrics"]
FORMATS: tuple[Format, ...] = get_args(Format)
"""What `--format` takes, for a run."""
