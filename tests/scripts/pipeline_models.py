"""What the tests of pipelines share: tensors in files, and how the decoder with state is compiled."""
import struct

DECODER_CUT = "n_Add_138,n_Add_260"  # stories260k-kv in three stages
DECODER = ["--bind", "batch=1", "--bind", "seq=1", "--max", "past=256"]
DECODER += [word for i in range(5) for kind in ("key", "value")
            for word in ("--state", f"past.{i}.{kind}=present.{i}.{kind}")]


def write_npy(path, kind, shape, data):
    """kind as NumPy has it ("<f4"); data: the bytes."""
    header = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (kind, tuple(shape))
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as to:
        to.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)
