"""Episodes: events that belong together, with a summary. Callers write some; the others are derived.

Derived episodes are built from session windows: events of one user and thread with no gap of more than 30 minutes
(`EPISODE_GAP`). `windows.py` reads a window, `unsettled.py` keeps the parts of streams whose windows changed, and
`building.py` builds the episodes.
"""
