"""What netecho decides about probes: when, what, matched to which, and what it came to.

No socket, no clock, no print: time comes in as `now`, bytes as arguments.
"""
