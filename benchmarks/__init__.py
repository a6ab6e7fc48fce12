"""What Deskhand costs, measured: ``python -m benchmarks`` lists them; see docs/benchmarks.md."""
