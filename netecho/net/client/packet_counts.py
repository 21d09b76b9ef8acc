"""The headers and TLVs of a STAMP run's replies, counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from netecho.measure.facts.stamp import ClassOfServiceFacts, ReplySizeFacts, TtlFacts
from netecho.measure.stats.signed_histogram import SignedHistogram
from netecho.stamp.control import Obedience

if TYPE_CHECKING:
    from netecho.stamp.session_sender import Reflection


class PacketCounts:
    """The headers and TLVs of a run's replies, counted. Bounded, as the fields have few values."""

    def __init__(self) -> None:
        self.replies = 0
        self.extended = 0
        """Replies with a TLV that the reflector answered."""
        self.without_ssid = 0
        self.sync_source: int | None = None
        """What the reflector's clock follows, a number of RFC 8972 section 5.4."""
        self.egress_delay = SignedHistogram(sparse=True)
        """How long after T3 replies left."""
        self._classes: Counter[tuple[int, int]] = Counter()
        self._refused_class = 0
        self._ttls: Counter[int] = Counter()
        self._obedience: Counter[Obedience | None] = Counter()

    def add(self, reflection: Reflection) -> None:
        """Count one reply."""
        self.replies += 1
        self._obedience[reflection.obedience] += 1
        if reflection.ttl:
            self._ttls[reflection.ttl] += 1
        self.without_ssid += not reflection.ssid
        cos, info = reflection.class_of_service, reflection.timestamp_information
        answered = (cos, info, reflection.counters, reflection.follow_up)
        self.extended += any(tlv is not None for tlv in answered)
        if cos is not None:
            self._classes[cos.dscp, cos.ecn] += 1
            self._refused_class += cos.reverse_path == 1
        if info is not None:
            self.sync_source = info.sync_in

    def class_of_service(self, sent: int, ecn_sent: int) -> ClassOfServiceFacts:
        """Return how requests that were sent with this DSCP and ECN arrived."""
        if not self._classes:
            return ClassOfServiceFacts(sent=sent, ecn_sent=ecn_sent)
        ((dscp, ecn), _), *_ = self._classes.most_common(1)
        return ClassOfServiceFacts(
            sent=sent,
            arrived=dscp,
            ecn_sent=ecn_sent,
            ecn_arrived=ecn,
            changed=sum(count for (dscp, _), count in self._classes.items() if dscp != sent),
            refused=self._refused_class,
        )

    def reply_size(self, asked: int | None) -> ReplySizeFacts | None:
        """Return what became of the length that was asked for; None: none was."""
        told = self._obedience
        if asked is None:
            return None
        return ReplySizeFacts(
            asked=asked,
            as_asked=told[Obedience.AS_ASKED],
            refused=told[Obedience.NOT_AS_ASKED],
            unknown=told[Obedience.UNKNOWN],
        )

    def ttl(self, sent: int | None) -> TtlFacts:
        """Return how requests that were sent with this TTL arrived."""
        if not self._ttls:
            return TtlFacts(sent=sent)
        (arrived, _), *_ = self._ttls.most_common(1)
        return TtlFacts(sent=sent, arrived=arrived, arrived_min=min(self._ttls), arrived_max=max(self._ttls))
