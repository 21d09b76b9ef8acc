"""What a person sees, laid out by Rich for the width there is.

summary            the summary of a run
headline           its first line
tables             its tables of times and sizes
transport_facts    a line for what only TCP, TLS or UDP knows
stamp              the lines of STAMP
ecn                what became of the ECN codepoint
findings           what deserves a sentence, and the thresholds
histogram_chart    the histogram
live               the live view of a run
diagnosis          `netecho diagnose`
load               a run of load: its verdict, its phases, their delays over time
trace              a trace: hops, flows, and what is said of the path
steps              how far a diagnosis is
comparison         `netecho compare`
load_view          the live view of a run of load
load_comparison    `netecho compare` of two runs of load
help_text          `netecho help TOPIC`
display            Rich's `Live`, refreshed by hand and written without waiting
interim            the figures so far, in a line
sparkline          a row of numbers as a row of characters
time_chart         round trips over time, with axes
moments            when something in a run happened, as a time of day
log_lines          a server's event as a line
paper              what Rich lays out, as text
server_view        the live view of a server
history            `netecho history`
matrix             `netecho matrix`
monitor_view       the live table of a monitor
monitor_target     one of its targets, looked into
keys               keys, from the bytes of a terminal
browsing           what keys do to the table
reading            how far reading a saved run is
several            several runs in one table
several_view       the live view of several runs, a row for each target
progress           how far a run is, as a share and a bar
"""
