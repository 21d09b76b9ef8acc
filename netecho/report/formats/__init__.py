"""What goes to standard output: a reporter for each `--format`, and the list of formats.

text             lines for people, and the summary
trace_rows       a trace packet by packet, as NDJSON and CSV
json_document    `json`: the document at the end
ndjson           `ndjson`: an event a line; `--save`
csv_rows         `csv`: a row a probe
junit            `junit`: criteria as test cases
github           `github`: annotations and a step summary
openmetrics      `openmetrics`: gauges and summaries
exposition       a monitor's metrics, for Prometheus
hdrlog           `--hdr`: HdrHistogram's log
event_line       an event as a line of text
verdict          a document as CI asks for it: criteria and figures by name
several          several runs at once on one standard output
"""

from typing import Literal, get_args

Format = Literal["text", "json", "ndjson", "csv", "junit", "github", "openmetrics"]
FORMATS: tuple[Format, ...] = get_args(Format)
"""What `--format` takes, for a run."""
