"""Episodes by themselves: a stretch of a stream's events that is over becomes one.

Whoever writes or removes events leaves an unsettled span, unless the event only lengthens a stretch that has one. A
span is settled by making the episodes of its events anew, by a writer after its transaction or by `make_episodes`.
A writer that leaves no span holds its stream's lock, shared, until it has committed; who settles holds it alone. So a
settled stream has the episodes of all committed events, in whatever order they came.
"""

from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, connection

from memory import spans
from memory.derived import NAMES_REMOVED, overlapping_episodes, remove_derived, remove_derived_where, write_derived
from memory.spans import Span
from memory.stretches import LONGEST_STRETCH, Place, Stream, Stretch, read_stretch
from memory.transactions import tenant_transaction

STEPS_AFTER_WRITE: Final = 5  # the rest is left to the command
STREAMS_AFTER_WRITE: Final = 10
# The episode that starts at or before a span and reaches into it, or could: not a full one, nor one that it follows.
ANCHOR: Final = """
SELECT started_at, first_id FROM (
    SELECT started_at, ended_at, cardinality(event_ids) AS length, event_ids[1] AS first_id,
        event_ids[cardinality(event_ids)] AS last_id
    FROM memory_episode
    WHERE tenant_id = %(tenant_id)s AND derived AND user_id = %(user_id)s AND {thread}
    AND started_at <= %(at)s AND (started_at, event_ids[1]) <= (%(at)s, %(id)s)
    ORDER BY started_at DESC, event_ids[1] DESC LIMIT 1
) AS nearest
WHERE (ended_at, last_id) > (%(at)s, %(id)s) OR (
    ended_at >= %(at)s::timestamptz - %(gap)s::interval AND length < %(longest)s AND last_id <> %(id)s
)
"""


def forget_removed_events(tenant_id: UUID) -> None:
    """Those in the tables of a removal. What is left of their stretches is made anew, without what they said."""
    spans.note_rows(tenant_id, spans.DERIVED_SPANS.format(condition=NAMES_REMOVED))
    spans.note_rows(tenant_id, spans.REMOVED_SPANS)
    remove_derived_where(NAMES_REMOVED, {"tenant_id": tenant_id})


def settle_some(tenant_id: UUID) -> None:
    """Of what is due, whoever left it."""
    with suppress(OperationalError):
        with tenant_transaction(tenant_id):
            streams = spans.due_streams(tenant_id, most=STREAMS_AFTER_WRITE)
        settle_quietly(streams)


def settle_quietly(streams: list[Stream]) -> None:
    """The events are there already: what keeps their episodes from being made is no fault of the write."""
    with suppress(OperationalError):
        for stream in streams:
            settle(stream, steps=STEPS_AFTER_WRITE)


def settle(stream: Stream, *, steps: int | None = None) -> int:
    """How many episodes were made. Each step is a transaction of its own, so that writers never wait long."""
    made, step = 0, 0
    while step != steps:
        with tenant_transaction(stream.tenant_id, unhurried=steps is None):
            if not spans.hold_off_removals(stream.tenant_id, wait=steps is None):
                return made
            spans.lock_stream(stream)
            span = spans.next_span(stream)
            if span is None:
                return made
            made += settle_step(span)
        step += 1
    return made


def settle_tenant(tenant_id: UUID) -> int:
    """All that is due, stream by stream. Broken off, or run twice at once, it leaves nothing wrong."""
    made = 0
    while True:
        with tenant_transaction(tenant_id, unhurried=True):
            streams = spans.due_streams(tenant_id)
        if not streams:
            return made
        made += sum(settle(stream) for stream in streams)


def settle_step(span: Span) -> int:
    """The first stretch of a span. What is left of the span is noted."""
    stretch = stretch_of(span)
    if stretch is None:
        spans.drop_spans(span, None)
        return 0
    over = stretch.is_over(span.now)
    overlapping = overlapping_episodes(stretch)
    changed = not (over and any((row.id, row.event_ids) == (stretch.episode_id, stretch.ids) for row in overlapping))
    if changed:
        remove_derived(overlapping, unless=stretch.episode_id if over else None)
    if changed and over:
        write_derived(stretch)
    ends = [row.ended_at for row in overlapping if row.ended_at]
    until = max([span.until, *ends, *spans.drop_spans(span, stretch)])
    note_the_rest(span, stretch, until, over=over, changed=changed)
    return int(changed and over)


def stretch_of(span: Span) -> Stretch | None:
    values = {"at": span.after.at, "id": span.after.id, "gap": settings.EPISODE_GAP, "longest": LONGEST_STRETCH}
    with connection.cursor() as cursor:
        cursor.execute(span.stream.compose(ANCHOR), span.stream.columns | values)
        anchor = cursor.fetchone()
    if anchor:
        stretch = read_stretch(span.stream, Place(*anchor), span.until, inclusive=True)
        if stretch and stretch.last > span.after:  # a step always gets further, whatever was imported
            return stretch
    return read_stretch(span.stream, span.after, span.until, inclusive=False)


def note_the_rest(span: Span, stretch: Stretch, until: datetime, *, over: bool, changed: bool) -> None:
    """An open stretch is due a gap after its end; a full one that changed moves the beginning of the next."""
    last, note = stretch.last, partial(spans.note_span, span.stream)
    if not over:
        note(stretch.first.at, max(until, last.at), due=stretch.reach)
    elif stretch.is_full and changed:
        note(last.at, max(until, stretch.reach), after=last.id, due=span.now)
    elif until > last.at or (stretch.is_full and until == last.at):
        note(last.at, until, after=last.id, due=span.now)
