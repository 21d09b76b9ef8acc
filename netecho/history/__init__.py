"""What a monitor keeps on disk: a row a target and minute, and every outage, in SQLite.

rows      what is kept, as values
database  the file: made, opened, known from those of others
store     writing rows, and removing what is too old
reading   spans of it: merged histograms, outages
"""
