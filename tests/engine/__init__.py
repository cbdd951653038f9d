"""Tests of the engine, without Home Assistant."""
