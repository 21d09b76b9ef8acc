"""What netecho decides about probes: when, what, matched to which, and what it came to.

No socket, no clock, no print: time comes in as `now`, bytes as arguments.

    plan           the settings of a run, frozen
    schedule       when probes are due
    payload        what probes carry
    matching       which probe a reply answers
    session        the state of one connection: which probes are due, which are outstanding
    probe          one probe on its way
    outcomes       what became of each: judged, counted, and kept as events until they are drained
    settled        what became of the latest probes, in rings of a fixed size
    loss_reason    why a probe was lost
    losses         what a run's lost probes were lost by, counted
    drops          which replies this machine dropped, as far as can be known
    events         what happens during a run, as values
    recording      the interface to whatever counts it
    recorder       counting it while the run goes on, in constant memory
    outages        stretches in which the target did not answer
    summary        what a run came to, frozen
    result         a run as a value: target, set-up, summary
    dscp           DSCP as people write it
    ecn            Explicit Congestion Notification: codepoints, counted by direction
    facts          what TCP, TLS, UDP and STAMP know beside the round trips, typed
    observer       the interface to whatever reports a run while it goes on
    metrics        the table of figures that can be judged and compared
    criteria       `--fail-if`, and what every run is held to
    compare        two runs side by side
    samples        the single probes of a saved run, for `compare`
    stats          histograms, variation, resampling
    oneway         each direction by itself: delays, loss, clock offset
"""
