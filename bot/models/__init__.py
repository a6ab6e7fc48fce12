"""Language models behind one port: Anthropic's, and the local one that needs no network."""
