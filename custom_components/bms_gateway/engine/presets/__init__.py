"""Presets: how each make of inverter has to be presented with a battery."""

from .makes import PRESETS, Make
from .preset import ChargeStop, Evidence, FrameLength, Preset, Profile, SendMode

__all__ = [
    "PRESETS",
    "ChargeStop",
    "Evidence",
    "FrameLength",
    "Make",
    "Preset",
    "Profile",
    "SendMode",
]
