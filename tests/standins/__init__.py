"""Counterparts of Deskhand for tests: real HTTP servers on loopback.

`slack` stands in for Slack, `anthropic` for the Messages API and `sink` for a
customer's `reply_url`. README.md beside this file shows how to use each.
"""
