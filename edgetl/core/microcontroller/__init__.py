"""Models on microcontrollers: what they need there, and the C files that run them."""
