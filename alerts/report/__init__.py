"""The report: one HTML file that needs no network, from the marts and what was found in them.

`content` and `figures` say what is in it, `page` draws it; only `page` needs Altair.
"""
