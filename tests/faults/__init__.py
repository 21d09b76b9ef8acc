"""The fault laboratory: networks with a known fault, made of the kernel's own parts, for what is to find it.

`python -m tests.faults` plays each scenario and prints which findings came of which fault. `test_faults.py` proves by
plain sockets that each fault is there, and only where it is said to be.

    topology   the network: two hosts and two routers, in namespaces that end with us
    fault      what a fault is, as data, and how it comes into the network
    scenarios  the faults, the scenarios of one fault or two, and what is expected to be found
    relay      a router's part that the kernel lacks: delay, duplicates, another order, changed bytes
    burner     a program that takes a core
    plain      datagrams and connections by plain sockets, and what became of them
    expected   what is to be found of each fault
    play       a command against a scenario, and what it found
    matrix     scenarios by findings, and how many were found
"""
