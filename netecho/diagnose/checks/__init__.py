"""The checks, a module each: what was observed, and `judge`, the pure function from that to what it means.

names         families of the target's name: one that is dead, slower or lossier; a slow resolver
transports    what is filtered, refused, prohibited or answered by somebody else
loss          its rate, direction, sizes, whether in bursts; duplicates
balancing     a path among several that loses, or takes longer; reordering
size          path MTU in each direction; black holes; a clamped MSS
marking       DSCP and ECN: kept, changed or dropped
translation   NAT
payload       bytes that were changed on the way
timeouts      idle flows that are forgotten
rate          policers and shapers
clocks        offset and drift of the far clock
host          what this machine itself dropped or delayed
tcp           retransmissions, missing options, delayed acknowledgements
"""
