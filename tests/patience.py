"""How long tests wait. CI runs two of them at a time on a machine that is busy with both."""

WAIT_SECONDS = 30.0
"""For what is to come: it costs nothing where it comes."""
BUSY_SECONDS = 5.0
"""What a busy machine may add to one of the product's own time limits."""
