"""When a battery sends: frame periods, time-outs, telegram boundaries and gaps."""
