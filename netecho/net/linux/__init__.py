"""The kernel's calls that Python has not, each with an answer where the system lacks it. No Twisted in here.

portable       the switch that turns the fast paths off
sockopts       numbers of socket options
recvmsg, mmsg  messages by recvmsg(2), recvmmsg(2) and sendmmsg(2), without Python objects
cmsg           control messages, read and written
timestamping   the kernel's timestamps of a socket (SO_TIMESTAMPING)
timestamp_cmsg  timestamps and network errors, read from control messages
path_mtu       datagrams that leave whole or not at all
timerfd        timers as descriptors
run_clock      the clock of a run, which goes on while the machine sleeps
tcp_info       what the kernel knows of a connection
tcp_memory     whether all connections together are short of it
wall_clock     whether the wall clock follows UTC, and when it was set
tcp_probe     segments that say nothing, when they are wanted
icmp_errors    ICMP errors, from the error queue and from raw sockets
pending_errors  what they make the next send fail with
interfaces     which address an interface has
drops          how many datagrams a socket had no room for
realtime       priority for what has to be on time
parent_death   the end of a process with its parent's (prctl(2))
"""
