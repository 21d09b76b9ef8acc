"""What the probe reports is what was done to its packets, count for count and byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.relay import Faults, Relay
from tests.rogues import datagrams, echo, streams

if TYPE_CHECKING:
    from tests.program import Ended, Netecho
    from tests.rogues import Rogue


def probe(netecho: Netecho, relay: Relay, *options: str, count: int = 400, output: str = "json") -> Ended:
    """A millisecond between probes unless told otherwise."""
    target = f"{relay.transport}://{relay.host}:{relay.port}"
    return netecho("probe", target, "-c", str(count), "-i", "1ms", "-W", "1s", "--format", output, *options)


def relayed(server: Rogue, *, forward: Faults | None = None, backward: Faults | None = None, seed: int = 1) -> Relay:
    return Relay("udp", server.address, seed=seed, forward=forward, backward=backward)


def test_loss_duplicates_and_corruption_are_counted_exactly_through_a_delay(netecho: Netecho) -> None:
    faults = Faults(delay_ms=20, drop=0.05, duplicate=0.02, corrupt=0.01)
    with datagrams(bytes) as server, relayed(server, backward=faults) as relay:
        ended = probe(netecho, relay, count=1000)
    did, document = relay.backward, ended.document
    assert did.taken == 1000, "the server answered each probe once"
    assert min(did.dropped, did.duplicated, did.corrupted) > 3
    assert document["probes"] == document["probes"] | {
        "sent": 1000,
        "received": 1000 - did.dropped,
        "lost": did.dropped,
        "loss_percent": did.dropped / 10,
        "late": 0,
        "duplicate": did.duplicated,
        "reordered": 0,
        "corrupt": did.corrupted,
    }
    assert document["rtt"]["min_ms"] >= min(relay.spans) / 1e6 >= 20, "it contains the time that the relay had it"
    assert document["rtt"]["count"] == 1000 - did.dropped
    assert ended.code == 1
    assert document["verdict"]["exit_code"] == 1
    assert any("corrupt" in str(each) for each in document["verdict"]["failed"])


def test_corrupt_replies_are_told_with_the_offset_of_the_first_wrong_byte(netecho: Netecho) -> None:
    with datagrams(bytes) as server, relayed(server, backward=Faults(corrupt=0.1)) as relay:
        ended = probe(netecho, relay, count=200, output="ndjson")
    offsets = [event["offset"] for event in ended.events if event["event"] == "corrupt"]
    assert offsets == relay.backward.corrupt_offsets != []


def test_lost_on_the_way_there_or_back_is_lost(netecho: Netecho) -> None:
    with (
        datagrams(bytes) as server,
        relayed(server, forward=Faults(drop=0.05), backward=Faults(drop=0.05)) as relay,
    ):
        probes = probe(netecho, relay).document["probes"]
    assert relay.forward.dropped > 0 < relay.backward.dropped
    assert probes["lost"] == relay.forward.dropped + relay.backward.dropped
    assert probes["received"] == 400 - probes["lost"]


def test_a_request_that_was_doubled_is_answered_twice(netecho: Netecho) -> None:
    with datagrams(bytes) as server, relayed(server, forward=Faults(duplicate=0.1)) as relay:
        probes = probe(netecho, relay).document["probes"]
    assert probes["duplicate"] == relay.forward.duplicated > 0
    assert (probes["received"], probes["lost"]) == (400, 0)


def test_reordered_replies_are_counted_by_rfc_4737(netecho: Netecho) -> None:
    with datagrams(bytes) as server, relayed(server, backward=Faults(reorder=0.1)) as relay:
        probes = probe(netecho, relay).document["probes"]
    assert probes["reordered"] == relay.backward.reordered > 0
    assert (probes["received"], probes["lost"], probes["duplicate"]) == (400, 0, 0)


def test_a_reply_after_the_timeout_is_lost_and_then_late(netecho: Netecho) -> None:
    # The last of those that may straggle is sent a second before the run's end.
    faults = Faults(straggle=0.05, straggle_ms=600, until=200)
    with datagrams(bytes) as server, relayed(server, backward=faults) as relay:
        probes = probe(netecho, relay, "-W", "400ms", "-i", "5ms").document["probes"]
    assert probes["late"] == probes["lost"] == relay.backward.straggled > 0
    assert probes["received"] == 400 - probes["lost"]


def test_stream_boundaries_do_not_matter(netecho: Netecho) -> None:
    faults = Faults(split=0.3, merge=0.3)
    with streams(echo) as server, Relay("tcp", server.address, seed=1, forward=faults, backward=faults) as relay:
        ended = probe(netecho, relay, "-s", "100")
    assert min(relay.forward.split, relay.forward.merged, relay.backward.split, relay.backward.merged) > 0
    probes = ended.document["probes"]
    assert (probes["received"], probes["lost"], probes["corrupt"]) == (400, 0, 0)
    assert ended.code == 0


def test_a_corrupt_stream_is_told_with_its_offsets(netecho: Netecho) -> None:
    with streams(echo) as server, Relay("tcp", server.address, seed=1, backward=Faults(corrupt=0.1)) as relay:
        # Ping-pong: each reply is one piece, and a piece's offset the reply's.
        ended = probe(netecho, relay, "-i", "0", count=200, output="ndjson")
    offsets = [event["offset"] for event in ended.events if event["event"] == "corrupt"]
    assert offsets == relay.backward.corrupt_offsets != []
    assert ended.events[-1]["probes"]["corrupt"] == relay.backward.corrupted
    assert ended.code == 1


def test_a_connection_that_is_reset_again_and_again_costs_only_what_was_on_it(netecho: Netecho) -> None:
    with streams(echo) as server, Relay("tcp", server.address, seed=1, backward=Faults(cut_after=50)) as relay:
        # Ping-pong: each reply is one piece, after so many of which the connection is cut.
        ended = probe(netecho, relay, "-i", "0", "-W", "500ms")
    probes = ended.document["probes"]
    assert probes["lost"] == relay.backward.cut == 400 // 50
    assert probes["sent"] == 400 == probes["received"] + probes["lost"]
    assert probes["corrupt"] == 0
    assert "Traceback" not in ended.err
