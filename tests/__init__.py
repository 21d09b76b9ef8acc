"""The tests, and what they are run against: a relay, peers, the installed command."""
