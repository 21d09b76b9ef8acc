"""The document `netecho/probe/1`: made of a summary, live, or read back from a file.

model                 the one model that every format is printed from
values                nanoseconds to printed milliseconds, and ISO 8601
settings              the section `settings`
transport_sections    the sections `tcp`, `tls` and `udp`
stamp_section         the section `stamp`
event_rows            an event as a row of NDJSON, and back
reporter              what a format is: an observer that also gets the document
diagnosis             `netecho/diagnosis/1`
history               `netecho/history/1`
matrix                `netecho/matrix/1`
monitoring            a monitor's events, and its targets
live_events           a monitor's page, as it happens: `netecho/events/1`
periods               one target over time: `netecho/periods/1`
trace                 the document of a trace
load                  `netecho/load/1`
comparison            `netecho/compare/1`
load_comparison       `netecho/compare-load/1`
schema                the JSON Schema, and a check against it
reader                a saved run, told again
decode                printed values back to nanoseconds
rebuild               the figures of a run that did not live to say them
older                 documents saved before keys were added
source                the bytes of a saved run: a file, or standard input, compressed or not
"""
