"""Tests of the simulated batteries and inverters."""
