"""Each direction by itself, from the four timestamps of a STAMP probe.

- `delays`: the figures of each direction; `clock_offset`: how far apart the clocks are, and how fast they drift
- `loss`: in which direction probes were lost, by the numbers of a stateful reflector
"""
