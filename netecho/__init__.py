"""netecho: an echo server and a round-trip probe."""

__version__ = "0.1.0"
