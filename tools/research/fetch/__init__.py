"""The fetch guard: the only way in which a run reaches the web.

``Fetcher`` fetches one page for one ``Visit``. The URL is parsed and must be one that the run may
fetch (``urls``, ``scope``); its host is looked up, and every address it answers with must be public
(``addresses``, ``resolver``); the connection goes to those addresses and nowhere else, and what
comes back is read within bounds (``exchange``); robots.txt and the pace of its host are obeyed
(``robots``, ``pace``). All of it again for each redirect.
"""
