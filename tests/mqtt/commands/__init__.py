"""Tests of commands over MQTT."""
