"""Alarms on the wire: in 0x359 by bits or tables, in 0x35A by pairs of bits."""
