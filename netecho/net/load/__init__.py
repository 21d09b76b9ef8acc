"""Putting load on a path and measuring beside it.

asking       one request before there is load, and the redirects it meets
far_end      what the other side has: its resources, what answers probes there
orders       what a load process is told, and what it reports
wire         what a connection sends and receives by...
secure_wire  ...and with TLS
http_flow    one connection of load: a download or an upload over HTTP/1.1
loading      a load process: python -m netecho.net.load.loading
foreign      one that asks for the small resource, each time on a new connection: python -m netecho.net.load.foreign
processes    starting these, and hearing of them
probing      the probes beside the load, from the first phase to the last
steps        the phases in their order
"""
