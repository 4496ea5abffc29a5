"""A client of the OCI distribution specification, as far as pushing and checking need it."""
