"""What a monitor decides about its targets: plain Python. Time comes in as `now`, and nothing is opened here.

settings     what is asked of it, frozen
config       the configuration file, every mistake with its place
keys         how the value of each key is read
positions    where keys and values stand in a file
monitored    one target: its settings, counts, windows and state
recorder     counting a target's probes in a few kilobytes, without an end
directions   in which direction probes were lost, booked once
oneway       the delay of each direction, as it is known
state        up, degraded, down, unreachable: with hysteresis, and a reason for each change
mesh         a matrix of what nodes measure of each other
allow        which targets `/probe` may reach
facts        what a command finds in its environment at a change
clock_steps  whether the wall clock was set
windows      the last minute and the last hour
course       the last minutes as points
histogram    mergeable buckets of 3%
dense        the same as integers: merged by addition
buckets      classic histograms for Prometheus
"""
