"""Tests of whole situations, as they come from the field."""
