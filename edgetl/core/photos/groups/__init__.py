"""Which photos stay together in one part: by a rule, by near duplicates, or by bursts."""
