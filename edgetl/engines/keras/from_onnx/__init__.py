"""ONNX graphs → the same networks in Keras, with the channels last."""
