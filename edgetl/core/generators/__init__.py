"""Files of a bundle that are generated from its records: for microcontrollers, browsers and phones."""
