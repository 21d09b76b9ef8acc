"""Measuring for a trace: sockets whose packets leave with one TTL after the other; `netecho.trace` judges.

tracer        a whole trace: the loop of a session over its sockets
options       what was asked for
observer      who is told while it goes on
descriptor    a descriptor of the reactor to which an error is one more reason to read
flow_socket   a UDP socket: datagrams with a TTL each, replies, its error queue
stream_flow   a TCP connection: segments with a TTL each, and the target's ACKs
secured       TLS on such a connection
raw_icmp      every ICMP error for this host, where the privilege is there
names         addresses to names, beside the measurement
"""
