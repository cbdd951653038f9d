"""What a user can mend is found: raised, not raised just below, cleared."""
