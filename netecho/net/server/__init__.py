"""The server's side: from the addresses to serve on to the end of the drain.

start              the assembly: sockets, certificate, processes, reactor
lifecycle          ready, signals, stop
process            a whole server in one process
listeners          the table: scheme -> how it is served
socket_reader      what all listeners have in common
admission          which connections are accepted, counted and ended; the limits
tcp                accepting streams
echo_protocol      the echo on each
tcp_raw            the raw echo over a stream, without an object for it
udp                datagrams, one by one
udp_batched        datagrams by recvmmsg and sendmmsg
load               accepting the connections of nq:// addresses
load_channel       HTTP/1.1 on each: who may have load, how much of it, what is answered
stamp              the Session-Reflector's socket
reply_sender       its replies: when they leave, and that in them
egress             how long they take to leave
return_errors      the ICMP errors about its replies, for those who trace the way back
further_replies    the replies that it sends later, bounded
tls                TLS with a certificate that can be replaced
sockets            binding, or a sentence why not
unix_socket        the file of a Unix socket
systemd            inherited sockets, readiness, watchdog
peers              peers' addresses in words
settings           what a server was asked to be, frozen
supervisor         the leader of several processes
restarts           how often a process that ended is started again
supervised_worker  one of them, as the leader sees it
worker             one of them, from the inside
worker_messages    what they say to each other
early_signals      signals that come before there is a reactor
shared_limits      the limits of several workers, in shared memory
text_responder     text mode on a stream, answered as it can be sent
turns              work left over from an event, done in slices
privileges         giving root up
fork_server        the process that workers are forked from
child              a server in a child process, forked before there is a reactor
answering          one beside another program, started again when it ends
worker_processes   the supervisor's way to it, and to the workers' processes
worker_process     one of these, and its socket
"""
