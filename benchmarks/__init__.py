"""What Deskhand costs, measured: ``python -m benchmarks <name>``, or ``all``; see docs/benchmarks.md."""
