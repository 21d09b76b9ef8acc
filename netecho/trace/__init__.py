"""The path of a flow: which routers it passes, and where on it packets are lost. Plain Python.

    plan          what is asked for, in nanoseconds
    quote         ICMP errors read: the packet that they quote (RFC 792, 4443), MPLS labels (RFC 4884, 4950)
    checksum      what the UDP checksum of a sent packet is, to see from a quote whether a NAT changed it
    payloads      what is sent in each datagram, and which one a quote or an echo belongs to
    schedule      which TTL is due when, until the target has answered
    hop           what is known of one TTL while a trace goes on
    flow          one flow as it goes on: what is outstanding, and what an answer is about
    session       a trace as it goes on, of all flows: what is due, what was answered, what is lost
    reverse       the way back as it goes on, which the far end tells of
    result        a trace as it was, frozen
    run           the same with what it was asked for, as it is reported
    statistics    whether a share of losses is lower than another by more than chance
    loss          where the loss begins, and which routers only limit their ICMP
    as_numbers    whose an address is, by a table that is given
    finding       what is said of a path
    balancing     flows that go different ways, and a way that is worse than the others
    findings      the sentences about a path
    both_ways     the sentences about the way back, and whether it is the way there
    verdict       what makes a trace fail

Nothing here sends or waits: `net.trace` does.
"""
