"""The parameters of draft-ietf-ippm-responsiveness-09 section 4.2, by their names there."""

from __future__ import annotations

from netecho.units import SECOND

MAD = 4
"""Moving average distance: intervals that an average is taken over."""
ID = SECOND
"""Interval duration, nanoseconds: how often stability is judged anew."""
TMP = 95
"""Trimmed mean percentage: the largest 5% of times are left out, none of the smallest."""
SDT = 5
"""Standard deviation tolerance, percent of the latest average, below which averages are stable."""
INP = 1
"""Initial number of connections."""
INC = 1
"""Connections added each interval."""
MNP = 16
"""Most connections."""
MPS = 100
"""Most probes a second."""
PTC = 5
"""Percent of the capacity that probes may take."""
