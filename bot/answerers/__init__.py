"""What answers asks over what people have said: summaries and policy checklists.

``sources``: whose thread or pull request is read for whom. ``material``: what was said, numbered
and bounded, for a model. ``summary`` and ``screen``: the two answerers, each with its kind of final
answer. ``cues``: what stands in for a summary where no model can be had.
"""
