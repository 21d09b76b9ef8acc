"""Statistics, each in constant memory or over a bounded sample.

histogram           times by size; any percentile to 0.1%
signed_histogram    the same for times that may be negative
distribution        the figures of one kind of time, frozen
variation           ipdv and RFC 3550 jitter, as sums
timeline            round trips and losses over the time of a run
reservoir           a sample of a series of unknown length
bootstrap           how much figures vary by themselves, and whether two runs differ by more
"""
