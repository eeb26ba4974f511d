"""Builds derived episodes: each closed session window becomes one episode.

Every write or removal of events adds an unsettled span, unless the event only extends a window that has one. A builder
takes the span and builds the episodes of its events again. It runs after the commit of a write, or in `make_episodes`.
Writers share the lock of the stream until their commit; the builder holds it exclusively. So after a span is taken, the
stream has the episodes of all committed events, in whatever order they came.
"""

from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, connection

from memory.episodes import derived_episodes, unsettled
from memory.episodes.unsettled import Span
from memory.episodes.windows import LONGEST_WINDOW, Position, Stream, Window, read_window
from memory.transactions import tenant_transaction

STEPS_AFTER_WRITE: Final = 5  # the command does the rest
STREAMS_AFTER_WRITE: Final = 10
# The nearest episode that starts at or before the span, if it reaches into the span or could do so when rebuilt. A
# full one couldn't, nor could one whose last event is just before the span.
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
    """Removes the derived episodes of the removed events, and adds spans so that the rest of their windows is rebuilt.

    Reads the temporary tables of `removal/rows.py`.
    """
    unsettled.add_spans(tenant_id, unsettled.DERIVED_SPANS.format(condition=derived_episodes.NAMES_REMOVED))
    unsettled.add_spans(tenant_id, unsettled.REMOVED_SPANS)
    derived_episodes.remove_where(derived_episodes.NAMES_REMOVED, {"tenant_id": tenant_id})


def build_some(tenant_id: UUID) -> None:
    """Builds some of the tenant's due episodes, whichever write added their spans."""
    with suppress(OperationalError):
        with tenant_transaction(tenant_id):
            streams = unsettled.due_streams(tenant_id, most=STREAMS_AFTER_WRITE)
        build_quietly(streams)


def build_quietly(streams: list[Stream]) -> None:
    """Ignores database errors: the events are committed, and a later builder finds the spans."""
    with suppress(OperationalError):
        for stream in streams:
            build(stream, steps=STEPS_AFTER_WRITE)


def build(stream: Stream, *, steps: int | None = None) -> int:
    """Returns how many episodes were built. Each step is its own transaction, so that writers never wait long."""
    made, step = 0, 0
    while step != steps:
        with tenant_transaction(stream.tenant_id, unhurried=steps is None):
            if not unsettled.exclude_removals(stream.tenant_id, wait=steps is None):
                return made
            unsettled.lock_stream(stream)
            span = unsettled.next_span(stream)
            if span is None:
                return made
            made += build_step(span)
        step += 1
    return made


def build_tenant(tenant_id: UUID) -> int:
    """Builds everything that is due. Safe to interrupt, and safe to run twice in parallel."""
    made = 0
    while True:
        with tenant_transaction(tenant_id, unhurried=True):
            streams = unsettled.due_streams(tenant_id)
        if not streams:
            return made
        made += sum(build(stream) for stream in streams)


def build_step(span: Span) -> int:
    """Builds the first window of a span, and adds a span for the rest."""
    window = window_of(span)
    if window is None:
        unsettled.drop_spans(span, None)
        return 0
    over = window.is_over(span.now)
    overlapping = derived_episodes.overlapping(window)
    changed = not (over and any((row.id, row.event_ids) == (window.episode_id, window.ids) for row in overlapping))
    if changed:
        derived_episodes.remove(overlapping, unless=window.episode_id if over else None)
    if changed and over:
        derived_episodes.write(window)
    ends = [row.ended_at for row in overlapping if row.ended_at]
    until = max([span.until, *ends, *unsettled.drop_spans(span, window)])
    add_rest(span, window, until, over=over, changed=changed)
    return int(changed and over)


def window_of(span: Span) -> Window | None:
    values = {"at": span.after.at, "id": span.after.id, "gap": settings.EPISODE_GAP, "longest": LONGEST_WINDOW}
    with connection.cursor() as cursor:
        cursor.execute(span.stream.compose(ANCHOR), span.stream.columns | values)
        anchor = cursor.fetchone()
    if anchor:
        window = read_window(span.stream, Position(*anchor), span.until, inclusive=True)
        if window and window.last > span.after:  # always, except where an imported episode is wrong
            return window
    return read_window(span.stream, span.after, span.until, inclusive=False)


def add_rest(span: Span, window: Window, until: datetime, *, over: bool, changed: bool) -> None:
    """An open window is due one gap after its end. A full window that changed moves the beginning of the next one."""
    last, add = window.last, partial(unsettled.add_span, span.stream)
    if not over:
        add(window.first.at, max(until, last.at), due=window.reach)
    elif window.is_full and changed:
        add(last.at, max(until, window.reach), after=last.id, due=span.now)
    elif until > last.at or (window.is_full and until == last.at):
        add(last.at, until, after=last.id, due=span.now)
