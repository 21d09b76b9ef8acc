"""The wiring: Twisted carries bytes and time to the judgement and its answers back.

client          the probe's side
server          the server's side; neither knows the other
diagnose        measuring for a diagnosis, step by step
load            load on a path, and probes beside it
monitor         probing many targets, all the time
trace           measuring for a trace
reactor         every Twisted trick, behind one switch
linux           the kernel's calls; no Twisted
certificates    keys and certificates: read, made, pinned
python_child    starting another Python process, isolated from the working directory
self_server     the server of `self`: the one module that knows both sides
prometheus      asking Prometheus, within bounds
openssl         what both sides of TLS ask of OpenSSL
openssl_reasons  why TLS failed, in words
descriptors      how many this process may have (`ulimit -n`)
sockaddr         socket addresses as types; names looked up
"""
