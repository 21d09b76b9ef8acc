"""What is wrong with a path: findings from measurements, in plain Python.

    finding       what a diagnosis is made of: findings, what is fine, what was not tested and why
    run           a measured run with the fate of each probe: what most checks look at
    explain       findings that another one explains
services      which services of a host a diagnosis is about
    statistics    intervals, whether shares differ by more than chance, whether losses come in bursts
    mtu_search    finding the largest packet that gets through, by few packets
    words         figures in sentences
    checks        a module a check: what was observed, and the judgement of it

Nothing here measures: `net.diagnose` does, and hands over what it observed. A check is a pure function from its
observation to an `Outcome`, so that each finding can be tried, and read, without a network.
"""
