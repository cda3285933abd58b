"""What of Keras 2 is carried over to Keras 3, by name: classes, activations, functions and operators of TensorFlow.

A name that is not here is never looked up in Keras 2 or TensorFlow: a file cannot call any other function by its name.
The tables of Keras 3 (`engines.keras.from_keras2`) have exactly these names.
"""

# Models: their layers are carried over one by one.
MODELS = frozenset({"Functional", "Model", "Sequential"})
# Layers that output their input when they predict.
IDENTITIES = frozenset(
    {
        "ActivityRegularization",
        "AddLoss",
        "AddMetric",
        "AlphaDropout",
        "Dropout",
        "GaussianDropout",
        "GaussianNoise",
        "Identity",
        "RandomBrightness",
        "RandomContrast",
        "RandomFlip",
        "RandomHeight",
        "RandomRotation",
        "RandomTranslation",
        "RandomWidth",
        "RandomZoom",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
        "StochasticDepth",
    }
)
_MERGES = {"Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"}
_CONVOLUTIONS = {
    *("Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"),
    *("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"),
}
_POOLINGS = {f"{kind}Pooling{rank}D" for kind in ("Average", "GlobalAverage", "GlobalMax", "Max") for rank in (1, 2, 3)}
_RECURRENT = {
    *("Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "GRU", "GRUCell", "LSTM", "LSTMCell", "RNN"),
    *("SimpleRNN", "SimpleRNNCell", "StackedRNNCells"),
}
LAYERS = frozenset(
    {
        *("Activation", "AdditiveAttention", "Attention", "BatchNormalization", "CenterCrop", "CustomScaleLayer"),
        *("Cropping1D", "Cropping2D", "Cropping3D", "Dense", "ELU", "EinsumDense", "Embedding", "Flatten"),
        *("GroupNormalization", "InputLayer", "LayerNormalization", "LayerScale", "LeakyReLU", "Masking"),
        *("MultiHeadAttention", "Normalization", "PReLU", "Permute", "RandomCrop", "ReLU", "RepeatVector"),
        *("Rescaling", "Reshape", "Resizing", "SlicingOpLambda", "Softmax", "SpectralNormalization"),
        *("TFOpLambda", "TensorFlowOpLayer", "ThresholdedReLU", "TimeDistributed", "UnitNormalization"),
        *("UpSampling1D", "UpSampling2D", "UpSampling3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"),
        *IDENTITIES,
        *_MERGES,
        *_CONVOLUTIONS,
        *_POOLINGS,
        *_RECURRENT,
    }
)
# Other names of the same classes in files of older versions.
RENAMED_LAYERS = {
    # Keras 2 registers the layer of its InceptionResNetV2 so.
    "Custom>CustomScaleLayer": "CustomScaleLayer",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "CuDNNGRU": "GRU",
    "CuDNNLSTM": "LSTM",
    "GRUV1": "GRU",
    "GRUV2": "GRU",
    "LSTMV1": "LSTM",
    "LSTMV2": "LSTM",
    "GRUCellV1": "GRUCell",
    "GRUCellV2": "GRUCell",
    "LSTMCellV1": "LSTMCell",
    "LSTMCellV2": "LSTMCell",
}
# Activation in Keras 2 → activation in Keras 3 that computes the same, hard_sigmoid apart: see `gates`.
ACTIVATIONS = {
    **{name: name for name in ("elu", "exponential", "gelu", "hard_sigmoid", "leaky_relu", "linear", "mish", "relu")},
    **{name: name for name in ("relu6", "selu", "sigmoid", "softmax", "softplus", "softsign", "tanh")},
    "silu": "silu",
    "softmax_v2": "softmax",
    "swish": "silu",
}
# Functions of TensorFlow that Keras 2 writes as layers of the classes TFOpLambda and SlicingOpLambda.
FUNCTIONS = frozenset(
    {
        *("__operators__.add", "__operators__.getitem"),
        *("cast", "clip_by_value", "concat", "convert_to_tensor", "expand_dims", "gather", "identity", "pad"),
        *("reshape", "reverse", "shape", "split", "squeeze", "stack", "stop_gradient", "tile", "transpose", "unstack"),
        *("image.resize", "linalg.matmul"),
        *(f"math.{name}" for name in ("abs", "add", "divide", "erf", "exp", "l2_normalize", "log", "maximum")),
        *(f"math.{name}" for name in ("minimum", "multiply", "negative", "pow", "reciprocal", "rsqrt", "sigmoid")),
        *(f"math.{name}" for name in ("softplus", "sqrt", "square", "subtract", "tanh", "truediv")),
        *(f"math.reduce_{name}" for name in ("max", "mean", "min", "prod", "std", "sum", "variance")),
        *(f"nn.{name}" for name in ("avg_pool", "avg_pool2d", "bias_add", "elu", "gelu", "leaky_relu")),
        *(f"nn.{name}" for name in ("max_pool", "max_pool2d", "relu", "relu6", "selu", "silu", "softmax")),
        "nn.softsign",
    }
)
# Other names of the same functions.
RENAMED_FUNCTIONS = {
    "add": "math.add",
    "compat.v1.gather": "gather",
    "compat.v1.pad": "pad",
    "compat.v1.shape": "shape",
    "compat.v1.squeeze": "squeeze",
    "compat.v1.transpose": "transpose",
    "math.softmax": "nn.softmax",
    "matmul": "linalg.matmul",
    "multiply": "math.multiply",
    "nn.l2_normalize": "math.l2_normalize",
    "nn.sigmoid": "math.sigmoid",
    "nn.softplus": "math.softplus",
    "nn.swish": "nn.silu",
    "nn.tanh": "math.tanh",
    "sigmoid": "math.sigmoid",
    "subtract": "math.subtract",
    "tanh": "math.tanh",
}
# Operators of TensorFlow that TF 2.0 to 2.3 write as layers of the class TensorFlowOpLayer.
OPERATORS = frozenset(
    {
        *("Add", "AddV2", "BiasAdd", "Cast", "ClipByValue", "ConcatV2", "ExpandDims", "Identity", "Maximum", "Mean"),
        *("Minimum", "Mul", "Neg", "RealDiv", "Relu", "Relu6", "Reshape", "ReverseV2", "Sigmoid", "Softmax"),
        *("Square", "Sqrt", "Rsqrt", "Squeeze", "StridedSlice", "Sub", "Sum", "Tanh", "Transpose", "Max", "Pow"),
    }
)
