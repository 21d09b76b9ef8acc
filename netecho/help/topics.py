"""Which help texts there are, in the order in which they are listed.

A text's first line is `# TOPIC: what it is about`: that is its title here, in the list and in its man page.
"""

from __future__ import annotations

from importlib import resources

TOPICS = (
    "output",
    "figures",
    "accuracy",
    "matching",
    "targets",
    "tls",
    "stamp",
    "server",
    "scripting",
    "compare",
    "diagnose",
    "monitor",
    "mesh",
    "trace",
    "load",
    "python",
)
"""Each is a file TOPIC.md beside this module."""


def source(topic: str) -> str:
    """Return the text of a topic, in Markdown."""
    return resources.files("netecho.help").joinpath(f"{topic}.md").read_text("utf-8")


def subject(topic: str) -> str:
    """Return what a topic is about, in a few words."""
    title = source(topic).partition("\n")[0]
    return title.removeprefix(f"# {topic}: ")
