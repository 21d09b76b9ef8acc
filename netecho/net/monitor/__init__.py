"""Probing many targets on one reactor, all the time; `netecho.monitor` judges.

engine        all targets: one timer, a tick a second, and what changes when the configuration is read again
watch         one target: its connection, made anew when it is lost; its name, resolved anew
commands      a command at each change of state
web           the HTTP side: Twisted's server, with bounds
replies       what a handler is asked and answers, written in pieces
event_stream  server-sent events to a few listeners
feed          telling them how the targets are
prober        one probe, for `/probe`
history       writing the history, in a thread of its own
service       the word to systemd: ready, alive, reloading
jobs          from a target's settings to the job of a probe without an end
"""
