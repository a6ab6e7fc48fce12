"""What runs with the model: the bounded loop, its paid calls, its research, its answer's form.

Nothing in this package can act. It is handed read tools and descriptions of actions; the import
contract in ``pyproject.toml`` keeps it so.
"""
