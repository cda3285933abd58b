"""model.h, model.c, arena.h and op_resolver.h: the file itself, and what its interpreter needs."""

from edgetl.core.microcontroller.arena import ALIGNMENT_BYTES, compute_pointer_saving
from edgetl.core.microcontroller.c_text import format_comment, format_header, format_integers
from edgetl.core.microcontroller.contents import FirmwareContents
from edgetl.core.microcontroller.operators import list_registrations


def write_model_header(contents: FirmwareContents) -> str:
    """Write model.h."""
    return format_header(
        "model",
        [
            f"/* The model for {format_comment(contents.title)}. A linker puts it into flash, because it is const. */",
            f"#define EDGETL_MODEL_BYTES {len(contents.model)}u",
            f'#define EDGETL_MODEL_SHA256 "{contents.sha256}"',
            "",
            "extern const unsigned char edgetl_model[EDGETL_MODEL_BYTES];",
            "extern const size_t edgetl_model_bytes;",
        ],
    )


def write_model_source(contents: FirmwareContents) -> str:
    """Write model.c. The interpreter reads the content in place: its alignment is that of a flatbuffer."""
    return (
        '#include "model.h"\n\n'
        "#if defined(__GNUC__) || defined(__clang__)\n"
        f"#define EDGETL_ALIGNED __attribute__((aligned({ALIGNMENT_BYTES})))\n"
        "#elif defined(__ICCARM__)\n"
        f'#define EDGETL_ALIGNED _Pragma("data_alignment={ALIGNMENT_BYTES}")\n'
        '#else\n#error "set EDGETL_ALIGNED to what aligns a variable to 16 bytes in your compiler"\n#endif\n\n'
        "const size_t edgetl_model_bytes = EDGETL_MODEL_BYTES;\n"
        f"EDGETL_ALIGNED const unsigned char edgetl_model[EDGETL_MODEL_BYTES] = {{\n"
        f"{format_integers(contents.model)}\n}};\n"
    )


def write_arena_header(contents: FirmwareContents) -> str:
    """Write arena.h."""
    memory = contents.memory
    arena = memory.arena
    return format_header(
        "arena",
        [
            "/* Memory of the interpreter: tensors and what it keeps beside them.",
            "",
            f"   Recorded on a 64-bit computer by tflite-micro {format_comment(memory.version)}:",
            f"   {arena.total_bytes} bytes, {arena.head_bytes} of them tensors. An arena of {memory.tested_bytes}",
            "   bytes is enough there for a photo. With pointers of 4 bytes it is smaller by at least",
            f"   {compute_pointer_saving(arena)} bytes, which are a reserve. The kernels of CMSIS-NN need at most",
            f"   {memory.scratch_bytes} bytes of scratch memory, which are added; other libraries may need more.",
            "   edgetl_count_arena_bytes() of edgetl_classify.h returns what this device uses. */",
            f"#define EDGETL_ARENA_MEASURED_BYTES {memory.tested_bytes}u",
            f"#define EDGETL_ARENA_SCRATCH_BYTES {memory.scratch_bytes}u",
            "#ifndef EDGETL_ARENA_BYTES",
            f"#define EDGETL_ARENA_BYTES {memory.arena_bytes}u",
            "#endif",
        ],
    )


def write_resolver_header(contents: FirmwareContents) -> str:
    """Write op_resolver.h.

    Raises:
        StageError: TensorFlow Lite Micro has no kernel for an operator.
    """
    registrations = list_registrations(layer.type for layer in contents.memory.layers)
    calls = "".join(f"  if (resolver->{name}() != kTfLiteOk) return kTfLiteError;\n" for name in registrations)
    return (
        "#ifndef EDGETL_OP_RESOLVER_H_\n#define EDGETL_OP_RESOLVER_H_\n\n"
        '#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"\n\n'
        "/* The operators of the model, and no others: each kernel takes flash. */\n"
        f"#define EDGETL_OPERATORS {len(registrations)}\n\n"
        "inline TfLiteStatus edgetl_register_operators(\n"
        "    tflite::MicroMutableOpResolver<EDGETL_OPERATORS> *resolver) {\n"
        f"{calls}  return kTfLiteOk;\n}}\n\n#endif\n"
    )
