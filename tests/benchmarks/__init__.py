"""What netecho must reach, measured: against a packet capture, and side by side with its peers in the same run.

    python -m tests.benchmarks                 everything: some fifteen minutes on an idle machine, as root
    python -m tests.benchmarks --quick         the same, shorter: to see that it works, not to quote
    python -m tests.benchmarks --list          what there is, what each needs, what it must reach
    python -m tests.benchmarks lag loops       only those whose name begins so

Machines are noisy: every figure is the median of several rounds, in each of which the tools take turns. These are
no tests: nothing fails on a speed.

A module of this package that has `BENCHMARKS`, a tuple of `bench.Benchmark`, takes part.
"""
