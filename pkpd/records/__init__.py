"""Tables of records: read, checked, cut into segments, and given to models; observations."""
