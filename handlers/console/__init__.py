"""The web console: the same cards, the same gate and the same people as in Slack, in a browser."""
