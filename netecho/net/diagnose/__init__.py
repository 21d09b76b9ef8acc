"""Measuring for a diagnosis: each module measures what one check, or a few, look at; `netecho.diagnose` judges.

steps         the steps in their order, and what each may take of the budget of time and bytes
battery       what was asked for, what is known of the target so far, and how steps measure
runs          a run of probes with the fate of each
services      which transports answer                            -> transports
families      the name's addresses, and how each family answers  -> names
flows         many source ports, sizes in turn; a close train    -> loss, balancing, clocks, translation
sizes         how large packets may be, in each direction        -> size
segments      the same by TCP, where datagrams do not tell       -> size
search        rounds of sizes that are tried, for both
marks         DSCP and ECN, a codepoint at a time                -> marking
payloads      what gateways on the way rewrite                   -> payload
streams       small and large echoes over TCP                    -> tcp
rates         faster and faster, until a limit shows              -> rate
silences      flows that are silent for a time                    -> timeouts
counters      what this machine dropped meanwhile                -> host
"""
