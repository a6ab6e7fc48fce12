"""Tests of effects: what leaves, once, and what is known after."""
