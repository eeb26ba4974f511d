"""All models of memory. Each one is defined in its own package."""

from memory.beliefs.models import Belief, BeliefQuerySet
from memory.counts.models import EndUser, Tally
from memory.episodes.models import Episode, EpisodeQuerySet, UnsettledSpan
from memory.events.models import Event, EventQuerySet

__all__ = [
    "Belief",
    "BeliefQuerySet",
    "EndUser",
    "Episode",
    "EpisodeQuerySet",
    "Event",
    "EventQuerySet",
    "Tally",
    "UnsettledSpan",
]
