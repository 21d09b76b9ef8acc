"""From the options of `netecho monitor` to a monitor that runs.

asked            what it is asked for
configuration    the file of targets, beside those of the command line
run              from the start to the end
monitor_run      a monitor while it runs, and those who are told
serving          what is served over HTTP meanwhile
web              the paths, and the documents behind them
"""
