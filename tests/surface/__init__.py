"""Names, keys and formats on which users, dashboards and automations depend.

Each test collects a part of them from a running gateway and compares it with a snapshot.
`scripts/surface` renews the snapshots; review their differences like an API change.
"""
