"""The packages of npm that a browser runs a model with, pinned, and the files of them that a bundle contains."""

import base64
import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from edgetl.core.errors import StageError

# A package has at most this size unpacked: an archive of a few bytes can contain many more.
_LARGEST_UNPACKED_BYTES = 200 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class NpmPackage:
    """A version of a package of npm.

    Attributes:
        name: with its scope, such as "@litertjs/core".
        version: the one that is used, and no other.
        integrity: of the archive, as `npm view NAME@VERSION dist.integrity` prints it: sha512, in base 64.
        files: path in the archive → path in the bundle. Those that end in .gz there are compressed.
        replacements: path in the bundle → text of the file → text in its place.
    """

    name: str
    version: str
    integrity: str
    files: Mapping[str, str]
    replacements: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


_CORE_INTEGRITY = "sha512-PlGmbMOq9WitX7FO0jhbdJw9GthatsyuCQXjTt/wJZo0FLaw48q4tz8IwqgqCIkviYGr9OFDL1kCnN4nzWoyJQ=="

# The runtime has four variants of WebAssembly. A bundle contains the one for current browsers (relaxed SIMD), and the
# one for those without relaxed SIMD. WebAssembly is compressed, because many web servers do not compress it: the page
# unpacks it.
LITERT_JS = (
    NpmPackage(
        name="@litertjs/core",
        version="2.5.3",
        integrity=_CORE_INTEGRITY,
        files={
            "package/dist/index.js": "litert/litert.js",
            "package/wasm/litert_wasm_internal.js": "litert/litert_relaxed.js",
            "package/wasm/litert_wasm_internal.wasm": "litert/litert_relaxed.wasm.gz",
            "package/wasm/litert_wasm_compat_internal.js": "litert/litert_compat.js",
            "package/wasm/litert_wasm_compat_internal.wasm": "litert/litert_compat.wasm.gz",
        },
        # A page without a bundler knows no names of packages. The map of the source is not in the bundle.
        replacements={
            "litert/litert.js": {
                'from "@litertjs/wasm-utils"': 'from "./wasm_utils.js"',
                "\n//# sourceMappingURL=index.js.map": "",
                # The model runs on the processor: no graphics processor is started, and none is missed.
                "await Environment.create()": "await Environment.create({ webGpuDevice: null }) /* edgetl: no GPU */",
                # The WebAssembly has int8 tensors, such as the features of a quantized file; its wrapper has none.
                "    elementType: ElementType.UINT8\n  }\n]);": "    elementType: ElementType.UINT8\n  },\n"
                '  // Added by edgetl.\n  { dtype: "int8", typedArrayConstructor: Int8Array, '
                "elementType: ElementType.INT8 }\n]);",
            },
        },
    ),
    NpmPackage(
        name="@litertjs/wasm-utils",
        version="2.5.3",
        integrity="sha512-4fJiw6tBQnIs+0jH/OQ16nYOiSl8/+zZnn5h2ul8aTKHi05sVqZW580Tmk78pC2kT39A9OYBVdFawteZ/sI1kQ==",
        files={"package/dist/index.js": "litert/wasm_utils.js"},
        replacements={"litert/wasm_utils.js": {"\n//# sourceMappingURL=index.js.map": ""}},
    ),
)

# The variant with threads, which only servers with the headers COOP and COEP let a browser use. Beside LITERT_JS.
LITERT_THREADS = (
    NpmPackage(
        name="@litertjs/core",
        version="2.5.3",
        integrity=_CORE_INTEGRITY,
        files={
            "package/wasm/litert_wasm_threaded_internal.js": "litert/litert_threaded.js",
            "package/wasm/litert_wasm_threaded_internal.wasm": "litert/litert_threaded.wasm.gz",
        },
    ),
)
# The package has other builds with kernels for graphics processors, whose WebAssembly is up to twice as large. This one
# needs SIMD, and may run on one thread.
ONNX_WEB = (
    NpmPackage(
        name="onnxruntime-web",
        version="1.30.0",
        integrity="sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
        files={
            "package/dist/ort.wasm.min.mjs": "onnx/ort.js",
            "package/dist/ort-wasm-simd-threaded.mjs": "onnx/ort_wasm.js",
            "package/dist/ort-wasm-simd-threaded.wasm": "onnx/ort_simd.wasm.gz",
        },
        replacements={"onnx/ort.js": {"\n//# sourceMappingURL=ort.wasm.min.mjs.map": ""}},
    ),
)
# Name in `edgetl fetch` → its packages.
RUNTIMES = {"browser": LITERT_JS, "browser-threads": LITERT_THREADS, "browser-onnx": ONNX_WEB}


def check_integrity(package: NpmPackage, archive: bytes) -> None:
    """Check that an archive is the pinned one.

    Raises:
        StageError: it is another one.
    """
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode("ascii")
    if digest != package.integrity:
        raise StageError(
            f"the archive of {package.name} {package.version} is not the published one",
            where=(f"downloaded: {digest}", f"published: {package.integrity}"),
            hint="the server, or something between it and this machine, sent another file: "
            "try again, or set NPM_CONFIG_REGISTRY to another registry of npm",
        )


def unpack_files(package: NpmPackage, archive: bytes) -> dict[str, bytes]:
    """Take the files of a bundle out of the archive of a package, by their path in the bundle.

    Raises:
        StageError: the archive is another one than the pinned one, or lacks a file.
    """
    check_integrity(package, archive)
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as members:
        sizes = {member.name: member.size for member in members if member.isfile()}
        if sum(sizes.values()) > _LARGEST_UNPACKED_BYTES or not sizes.keys() >= package.files.keys():
            raise StageError(f"the archive of {package.name} {package.version} has other files than expected")
        for source, name in package.files.items():
            member = members.extractfile(source)
            assert member is not None
            files[name] = _edit(package, name, member.read())
    return files


def _edit(package: NpmPackage, name: str, content: bytes) -> bytes:
    for text, replacement in package.replacements.get(name, {}).items():
        if content.count(text.encode()) != 1:
            raise StageError(f"{name} of {package.name} {package.version} does not contain {text!r} once")
        content = content.replace(text.encode(), replacement.encode())
    # Without the time, the same content gives the same bytes.
    return gzip.compress(content, 9, mtime=0) if name.endswith(".gz") else content
