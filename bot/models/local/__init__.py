"""The local model: labels by likeness to examples, drafts from the articles. No network, no key."""
