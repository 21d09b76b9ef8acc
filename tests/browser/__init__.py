"""The monitor's page, looked at with a real browser: `python -m tests.browser [FOLDER]` draws pictures into the folder.

Chromium is driven over its own protocol. What is tried is in `__main__`; where there is no Chromium it is said.
"""
