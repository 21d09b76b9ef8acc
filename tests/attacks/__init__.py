"""Attackers: bounded programs that do to a server on loopback what its limits are there for.

`python -m tests.attacks` plays each beside a client that behaves, and prints how that client fared and what the server
used. `test_attacks.py` plays each briefly. A new attack is a function of the one signature, in a module by its
subject, and a row in `table`.

    attack    the signature, and what an attacker knows of its victim
    streams   attacks over connections
    datagrams attacks over UDP
    table     name -> function, the server it is for, and the bounds it must keep
    beside    the client that behaves
    attacker  the process that plays one
    play      one attack from beginning to end
    hostile   servers that do harm to the probe
    soak      all of them at once, for long
"""
