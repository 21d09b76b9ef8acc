"""The probe's side: one run, over any transport.

measurement       a whole run: resolve, connect, probe, result
driver            one session over one link: feed, send, drain events, arm the timer
transports        the table: scheme -> how it is probed
link              what a transport must offer a driver
stream            TCP, Unix sockets, and TLS over TCP
datagram          UDP
probe_port        its socket, with the kernel's timestamps
stamp             STAMP: the datagram link with test packets
packet_counts     the headers and TLVs of a STAMP run's replies
reflected_control  STAMP replies of another length, number and interval than their request
control_socket    its socket: datagrams that leave whole, and what the network says of them
tls               the handshake, trust and what was agreed on
reconnect         `--reconnect` and `--connect-only`
resolve           names to addresses
connect           addresses to a connected socket
closed_loop       `-i 0` outside the reactor
pending_timestamps  sends whose kernel timestamp is still to come
loss              from an errno or an ICMP message to the reason of a loss
job               the options of a run, as frozen values
"""
