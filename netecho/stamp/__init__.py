"""STAMP (RFC 8762) and its TLVs (RFC 8972). No socket, no clock, no print.

- `packet`: the base packets, open and authenticated; `times`: timestamps and Error Estimates; `auth`: the HMAC
- `tlv`: reading and writing TLVs; `extensions`: what a reflector answers to each
- `session_sender`: requests, and what replies say
- `session_reflector`: which packets are answered, and with what; `sessions`: what it remembers between packets
"""
