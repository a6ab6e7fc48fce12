"""The CRM as everyone speaks of it: records and fields, and how each kind of CRM is read.

Nothing here writes. Who writes stands in ``tools.actions``, which nothing that runs with the model
can import.
"""
