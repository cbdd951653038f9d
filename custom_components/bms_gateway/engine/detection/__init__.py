"""Recognising what is connected to a port before it is set up."""
