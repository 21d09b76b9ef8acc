"""Each direction by itself, from the four timestamps of STAMP.

delays          forward, backward and processing time of every probe
loss            in which direction probes were lost
clock_offset    how far apart two clocks are, and their drift
"""
