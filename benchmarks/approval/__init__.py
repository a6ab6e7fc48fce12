"""The same job on Deskhand and on three agent frameworks: draft a reply, wait, send."""
