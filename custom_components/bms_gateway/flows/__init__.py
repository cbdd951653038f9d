"""The steps of config, options and subentry flows, and their forms."""
