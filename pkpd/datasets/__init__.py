"""Tables of records given to models: parameters by record, doses, stops, readings."""
