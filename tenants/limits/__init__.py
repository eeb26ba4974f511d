"""Limits on what a caller may use.

`limit.py` counts tries across all hosts, and `quotas.py` counts the requests of keys. `slots.py` bounds the
heavy requests of a worker. `memgraph/server/fair_pool.py` bounds the threads that each caller gets, and `places.py` is
what the rest of the code sees of it. `bodies.py` and `page_forms.py` bound the size of a request.
"""
