"""What `netecho load` concludes from probes beside a load: plain Python, no socket, no clock, no print.

parameters    those of the IETF's draft on responsiveness, by their names there
growth        when one more flow of load helps no more
progress      how far a run is, for who watches it
run           what was measured: probes, transfers, phases, as values
phases        what each phase comes to: goodput, delays, what they grew by
verdict       which direction has the queue, how long it is, the grade, a sentence
criteria      what makes a run fail
comparison    what changed from one run to another
rpm           responsiveness in round trips per minute, and its confidence
"""
