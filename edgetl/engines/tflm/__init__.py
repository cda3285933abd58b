"""TensorFlow Lite Micro: its interpreter and its kernels, as they run on microcontrollers."""
