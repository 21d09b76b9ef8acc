"""A monitor's figures for Prometheus, and what is made for it of their names.

families   the metrics: names, kinds, and how each is read off a target
protobuf   the delimited protobuf, which has native histograms (`formats.exposition` has the text)
queries    what is asked of Prometheus about them
rules      recording and alert rules
dashboard  a dashboard for Grafana
"""
