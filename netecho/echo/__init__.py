"""What an echo server does with the bytes it gets. No socket, no clock, no print.

text           text mode: what is answered to each line
limits         how much of the server one client may have
load_budget    how many bytes and seconds of load one client may have, and all of them
loop_guard     which datagrams an echo may answer
reply_budget   how much may be sent to clients that ask for more than they send
refusal_log    refusals, reported without a flood
events         what a server reports, as values
totals         what it has done so far, in numbers
snapshot       what it is doing at one moment
source_counts  the busiest sources of datagrams, in bounded memory
"""
