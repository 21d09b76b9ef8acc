"""A document at the end of a command: printed as JSON or as a page, and kept where `--save` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.cli.files import ResultFile
from netecho.report.formats.json_document import pretty

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.report.document.model import Document
    from netecho.report.output import Output


def publish(
    document: Document, form: str, page: Callable[[Document, Output], None], shown: Output, save: str | None
) -> None:
    """Print a document in this form, `page` being what prints it as text, and write it to the file `save`, if any."""
    if form == "json":
        shown.write(pretty(document))
    else:
        page(document, shown)
    if save is not None:
        with ResultFile(save) as kept:
            kept.write(pretty(document))
