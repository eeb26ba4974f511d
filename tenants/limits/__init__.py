"""Limits on what a caller may use.

`limit.py` counts tries across all hosts, and `quotas.py` counts the requests of keys. `slots.py` and `places.py` bound
the threads of a worker. `bodies.py` and `page_forms.py` bound the size of a request.
"""
