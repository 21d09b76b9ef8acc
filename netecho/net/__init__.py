"""The wiring: Twisted carries bytes and time to the judgement and its answers back."""
