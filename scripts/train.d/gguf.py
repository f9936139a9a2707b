"""GGUF version 3: write a Q8_0 model, read it back as float32."""

import struct

import numpy as np

ALIGNMENT = 32
U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
PACKED = {U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}
TENSOR_F32, TENSOR_Q8_0 = 0, 8
BLOCK = 32
Q8_0 = np.dtype([("scale", "<f2"), ("quants", "i1", BLOCK)])


def quantize(matrix):
    """Q8_0 blocks of a float32 matrix: scale amax/127, quants rounded to nearest."""
    blocks = np.asarray(matrix, np.float32).reshape(-1, BLOCK)
    scale = np.abs(blocks).max(1, keepdims=True) / np.float32(127)
    inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale != 0)
    packed = np.empty(len(blocks), Q8_0)
    packed["scale"] = scale[:, 0]
    packed["quants"] = np.rint(blocks * inverse)
    return packed.tobytes()


def dequantize(data, shape):
    """The float32 matrix that Q8_0 blocks stand for."""
    packed = np.frombuffer(data, Q8_0)
    return (packed["scale"].astype(np.float32)[:, None] * packed["quants"]).reshape(shape)


def text_bytes(text):
    """A GGUF string: its length, then its UTF-8 bytes."""
    data = text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def value_bytes(kind, value):
    """One metadata value without its type."""
    if kind == STRING:
        return text_bytes(value)
    if kind == ARRAY:
        item, items = value
        return struct.pack("<IQ", item, len(items)) + b"".join(value_bytes(item, v) for v in items)
    return struct.pack(PACKED[kind], value)


def padding(size):
    """The zero bytes from `size` up to the alignment."""
    return bytes(-size % ALIGNMENT)


def write(path, metadata, tensors):
    """Write {key: (type, value)} and {name: float32 array}; matrices become Q8_0."""
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(metadata))
    for key, (kind, value) in metadata.items():
        head += text_bytes(key) + struct.pack("<I", kind) + value_bytes(kind, value)
    body = bytearray()
    for name, array in tensors.items():
        kind = TENSOR_Q8_0 if array.ndim == 2 else TENSOR_F32
        sizes = array.shape[::-1]
        head += text_bytes(name) + struct.pack(f"<I{len(sizes)}Q", len(sizes), *sizes)
        head += struct.pack("<IQ", kind, len(body))
        data = quantize(array) if kind == TENSOR_Q8_0 else array.astype("<f4").tobytes()
        body += data + padding(len(data))
    with open(path, "wb") as file:
        file.write(head + padding(len(head)) + body)


class Reader:
    """Walks the bytes of a GGUF file that this script wrote."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        """The next fields of a struct format: one value, or a tuple of several."""
        fields = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return fields[0] if len(fields) == 1 else fields

    def text(self):
        """The next string."""
        size = self.take("Q")
        self.at += size
        return self.data[self.at - size : self.at].decode("utf-8")

    def value(self, kind):
        """The next metadata value of a type."""
        if kind == STRING:
            return self.text()
        if kind == ARRAY:
            item, count = self.take("IQ")
            return [self.value(item) for _ in range(count)]
        return self.take(PACKED[kind][1])


def read(path):
    """Return (metadata, {name: float32 array}) of a file."""
    with open(path, "rb") as file:
        reader = Reader(file.read())
    magic, version, tensor_count, key_count = reader.take("4sIQQ")
    if magic != b"GGUF" or version != 3:
        raise SystemExit(f"train: {path} is not a GGUF file of version 3")
    metadata = {}
    for _ in range(key_count):
        key = reader.text()
        metadata[key] = reader.value(reader.take("I"))
    infos = []
    for _ in range(tensor_count):
        name = reader.text()
        sizes = [reader.take("Q") for _ in range(reader.take("I"))]
        infos.append((name, tuple(sizes[::-1]), *reader.take("IQ")))
    base = reader.at + len(padding(reader.at))
    return metadata, {info[0]: read_tensor(reader.data, base, *info[1:]) for info in infos}


def read_tensor(data, base, shape, kind, offset):
    """One tensor as float32, whatever its type in the file."""
    count = int(np.prod(shape))
    size = count * 4 if kind == TENSOR_F32 else count // BLOCK * Q8_0.itemsize
    raw = data[base + offset : base + offset + size]
    if kind == TENSOR_F32:
        return np.frombuffer(raw, "<f4").reshape(shape)
    return dequantize(raw, shape)
