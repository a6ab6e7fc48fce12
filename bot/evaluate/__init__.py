"""How good a playbook is: labelled tickets through it, and past tickets once more.

Nothing here acts and nothing here writes to the store: ``cases`` and ``lessons`` read, ``scoring``
runs what it is given and counts, ``past`` and ``replay`` compare, ``pages`` draws.
"""
