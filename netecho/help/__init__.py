"""The longer texts for users: what `netecho help TOPIC` shows and `man netecho-TOPIC` too, each written once.

    topics      which texts there are, in order, what each is about, and its source
    markup      the part of Markdown that they are written in, to blocks
    manpages    blocks to man(7): `python -m netecho.help.manpages` writes man/ anew
    roff        what a man page must escape

A text is a Markdown file here, named as its topic, so that it can be read as it lies too. Its `sh` blocks are run by
the tests. `report/terminal/help_text.py` lays the blocks out for a terminal.
"""
