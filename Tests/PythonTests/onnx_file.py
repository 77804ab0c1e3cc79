"""Writes a small ONNX file by hand: enough for a detector that sees how bright its picture is."""
import struct


def _number(value):
    out = b""
    while True:
        value, low = value >> 7, value & 0x7F
        out += bytes([low | (0x80 if value else 0)])
        if not value:
            return out


def _field(number, value):
    if isinstance(value, int):
        return _number(number << 3) + _number(value)
    value = value.encode() if isinstance(value, str) else value
    return _number(number << 3 | 2) + _number(len(value)) + value


def _tensor(name, kind, shape, data):
    return b"".join(_field(1, size) for size in shape) + _field(2, kind) + _field(8, name) + _field(9, data)


def _node(kind, inputs, output):
    return b"".join(_field(1, name) for name in inputs) + _field(2, output) + _field(4, kind)


def _value(name, shape):
    sizes = b"".join(_field(1, _field(1, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, sizes)))


def detector(path, size, rows, places, values, brightness_at):
    """Output [1, rows, places]: `values`, and at one index the mean of the picture's samples is added."""
    count = rows * places
    weights = [0.0] * (count * 3 * size * size)
    block = 3 * size * size
    weights[brightness_at * block:(brightness_at + 1) * block] = [1 / block] * block
    floats = lambda numbers: struct.pack(f"<{len(numbers)}f", *numbers)
    graph = b"".join([
        _field(1, _node("Conv", ["images", "weights", "values"], "sums")),
        _field(1, _node("Reshape", ["sums", "shape"], "output0")),
        _field(2, "g"),
        _field(5, _tensor("weights", 1, [count, 3, size, size], floats(weights))),
        _field(5, _tensor("values", 1, [count], floats(values))),
        _field(5, _tensor("shape", 7, [3], struct.pack("<3q", 1, rows, places))),
        _field(11, _value("images", [1, 3, size, size])),
        _field(12, _value("output0", [1, rows, places]))])
    model = _field(1, 8) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 13))
    with open(path, "wb") as file:
        file.write(model)
