"""The tools a playbook may name: ``research`` only reads, ``actions`` have effects."""
