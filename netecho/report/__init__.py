"""What people and scripts see. Everything shown is printed from one document.

document      the model of a run, its events as rows, the schema; the one place that makes milliseconds
terminal      what a person sees, by Rich
formats       text, JSON, NDJSON, CSV and the formats of other tools
prometheus    a monitor's metrics in one table, and what is made of their names
output        the one place that writes, and what the terminal is
page          a monitor's page for the browser, as it is served
monitor_log   a monitor's events as text or NDJSON
server_log    a server's events as text or NDJSON, without holding it up
humanize      figures in words
escape        bytes that came from a peer, made safe to show
writer        writing to a descriptor without waiting for its reader
"""
