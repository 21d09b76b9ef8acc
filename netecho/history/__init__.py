"""What a monitor keeps on disk: a row a target and minute, one an hour, and every outage, in SQLite.

rows      what is kept, as values
database  the file: made, opened, known from those of others
minutes   a row a minute and target, read
hours     a row an hour and target, made of its minutes
store     writing rows, and removing what is too old or too much
parts     a span over time: what it is cut into
course    one target over time, a stretch at a time
reading   spans of it: merged histograms, outages
"""
