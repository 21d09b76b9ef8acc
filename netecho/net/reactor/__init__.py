"""What netecho needs of Twisted's reactors beyond what they give: every trick in one room, behind one switch.

    runner        installs a reactor, runs one coroutine on it, turns signals into an orderly end
    interfaces    what is asked of a reactor, as types
    lean_imports  Twisted without the modules that are not used
    epoll         dispatches readable descriptors directly
    epoll_fdset   many connections behind one descriptor of the reactor
    eager         connections that send at once
    timer         timers of microsecond resolution
    spare_time    work that may wait, done between sends
    keyboard      the keys of the terminal, in the foreground
    error_queue   transports that survive an event of their error queue
    asyncio_loop  Twisted over an event loop that somebody else runs
    together      several coroutines side by side

`NETECHO_PORTABLE=1` (`net/linux/portable`) turns the fast paths off. tests/net/test_twisted_contract.py names the
private names of Twisted that they lean on.
"""
