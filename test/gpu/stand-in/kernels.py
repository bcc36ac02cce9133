"""Prints kernels.txt: the kernels that TensorFlow's CUDA build has for GPUs and its CPU build has not.

Run it once for each version of TensorFlow, with a Python that has tensorflow-cpu of that version, and the two libraries
out of the wheel `tensorflow` in a folder:  python kernels.py FOLDER > kernels.txt
"""

import ctypes
import os
import subprocess
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
TYPES = "float bfloat16 half int8 int32 int64 uint8 uint16 uint32 uint64 bool".split()


class Buffer(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("free", ctypes.c_void_p)]


def registered(folder):
    """The registry of the library in a folder, as a serialized KernelList."""
    ctypes.CDLL(os.path.join(folder, "libtensorflow_framework.so.2"), ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(os.path.join(folder, "libtensorflow_cc.so.2"), ctypes.RTLD_GLOBAL)
    library.TF_NewStatus.restype = ctypes.c_void_p
    library.TF_GetAllRegisteredKernels.restype = ctypes.POINTER(Buffer)
    library.TF_GetAllRegisteredKernels.argtypes = [ctypes.c_void_p]
    buffer = library.TF_GetAllRegisteredKernels(library.TF_NewStatus()).contents
    return ctypes.string_at(buffer.data, buffer.length)


def gpu_kernels(folder):
    """As (operation, arguments in the host's memory, ((attribute, types), ...))."""
    from tensorflow.core.framework import kernel_def_pb2, types_pb2

    def names(types):
        return frozenset(types_pb2.DataType.Name(number)[3:].lower() for number in types)

    # One process holds one TensorFlow.
    serialized = subprocess.run([sys.executable, __file__, "--dump", folder], check=True, stdout=subprocess.PIPE).stdout
    return {
        (
            kernel.op,
            tuple(sorted(kernel.host_memory_arg)),
            tuple(sorted((one.name, names(one.allowed_values.list.type)) for one in kernel.constraint)),
        )
        for kernel in kernel_def_pb2.KernelList.FromString(serialized).kernel
        if kernel.device_type == "GPU" and not kernel.label
    }


def merged(kernels):
    """Kernels that differ in the types of one attribute become one."""
    for place in range(max(len(constraints) for _, _, constraints in kernels)):
        groups = {}
        for op, host, constraints in kernels:
            rest = constraints[:place] + constraints[place + 1 :]
            attribute, types = constraints[place] if place < len(constraints) else (None, frozenset())
            groups.setdefault((op, host, rest, attribute), set()).update(types)
        kernels = {
            (op, host, rest if attribute is None else (*rest[:place], (attribute, frozenset(types)), *rest[place:]))
            for (op, host, rest, attribute), types in groups.items()
        }
    return kernels


def main(cuda):
    import tensorflow

    ours = {
        (op, host, tuple((name, types & set(TYPES)) for name, types in constraints))
        for op, host, constraints in gpu_kernels(cuda) - gpu_kernels(os.path.dirname(tensorflow.__file__))
        if all(types & set(TYPES) for _, types in constraints)
    }
    lines = []
    for op, host, constraints in merged(ours):
        words = [f"{name}={','.join(sorted(types, key=TYPES.index))}" for name, types in constraints]
        lines.append(" ".join([op, *words, *([f"host={','.join(host)}"] if host else [])]))
    print("\n".join(sorted(lines)))


if sys.argv[1] == "--dump":
    sys.stdout.buffer.write(registered(sys.argv[2]))
else:
    main(sys.argv[1])
