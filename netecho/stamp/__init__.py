"""The packets of RFC 8762 (STAMP) and RFC 8972 (its TLVs). No socket, no clock, no print."""
