"""The steps of config, options and subentry flows, and the forms they show."""
