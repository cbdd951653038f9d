"""Tests of MQTT."""
