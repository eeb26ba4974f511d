"""The audit log: one row per act, in the act's transaction, in a chain that shows tampering.

`actions.py` lists what is audited. `log.py` writes, `reading.py` and `csv_file.py` read, `checks.py` verifies the
chain, and `removal.py` removes rows for retention and for the deletion of a tenant.
"""
