"""STAMP: the packets of RFC 8762 and the TLVs of RFC 8972. No socket, no clock, no print.

packet               the base packets, field by field
tlv                  the TLVs, field by field
location             the TLV of addresses and ports
times                timestamps and error estimates
auth                 HMAC-SHA-256 of authenticated mode
session_sender       requests, and what their replies say
session_reflector    what comes back for which octets
prepared_reply       a reply that is ready but for its timestamp
extensions           what a reflector answers to TLVs
control              the TLVs by which a sender controls what is sent back
control_sender       requests for other replies than one like them, and what comes back
reply_control        which replies are sent to whom asks for such
return_trace         the TLV by which the way back is traced
return_traces        what a reflector remembers of those who trace it, bounded
return_sender        requests for replies that expire on the way back, and what comes back
sessions             what a reflector remembers, bounded
"""
