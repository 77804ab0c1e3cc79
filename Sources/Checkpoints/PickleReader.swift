/// Reads the pickle of a PyTorch archive: the opcodes that tensors, modules and plain values are written with.
///
/// Source: the opcodes' description in Python's pickletools, protocols 2 to 5. Nothing is imported or called: what a
/// pickle may name is in `PickleGlobal`, and everything else, an opcode or a name, is refused. Memory is bounded by the
/// pickle's size, because every value takes at least one byte of it.
struct PickleReader {
    typealias Place = PickleValue.Place

    /// Larger pickles are refused. The tensors' data are not in the pickle, so that even large models have small ones.
    private static let sizeLimit = 16 << 20

    var cursor: ByteCursor
    let isTorchScript: Bool
    /// Name of the entry, for messages.
    let entry: String
    private(set) var values: [PickleValue] = []
    private var stack: [Place] = []
    /// Heights of the stack where a tuple, list or dictionary began.
    private var marks: [Int] = []
    private var memo: [UInt32: Place] = [:]

    /// Reads all of a pickle. Errors name the entry and the byte.
    static func read(
        _ bytes: UnsafeRawBufferPointer, file: String, entry: String, isTorchScript: Bool
    ) throws(CheckpointError) -> Pickle {
        guard bytes.count <= sizeLimit else {
            throw .unsupported(
                file: file, key: entry, expected: "a pickle of at most \(sizeLimit) bytes", found: "\(bytes.count)")
        }
        var reader = PickleReader(
            cursor: ByteCursor(bytes, file: file), isTorchScript: isTorchScript, entry: entry)
        let root = try reader.run()
        return try Pickle(reader.values, root: root, file: file, key: entry)
    }

    private init(cursor: ByteCursor, isTorchScript: Bool, entry: String) {
        self.cursor = cursor
        self.isTorchScript = isTorchScript
        self.entry = entry
    }

    private mutating func run() throws(CheckpointError) -> Place {
        while true {
            let opcode: UInt8 = try number()
            if opcode == UInt8(ascii: ".") { return try pop() }
            try step(opcode)
        }
    }

    private mutating func step(_ opcode: UInt8) throws(CheckpointError) {
        switch opcode {
        case 0x80:  // PROTO
            let version: UInt8 = try number()
            guard (2...5).contains(version) else { throw malformed("protocol 2 to 5", "\(version)") }
        case 0x95: _ = try number(UInt64.self)  // FRAME: its length is of no use here
        case UInt8(ascii: "("): marks.append(stack.count)
        case UInt8(ascii: "N"): push(.none)
        case 0x88: push(.bool(true))
        case 0x89: push(.bool(false))
        case UInt8(ascii: "J"): push(.int(Int(try number(Int32.self))))
        case UInt8(ascii: "K"): push(.int(Int(try number(UInt8.self))))
        case UInt8(ascii: "M"): push(.int(Int(try number(UInt16.self))))
        case 0x8A: push(.int(try long()))
        case UInt8(ascii: "G"): push(.double(Double(bitPattern: try number(UInt64.self).byteSwapped)))
        case 0x8C: push(.text(try text(UInt64(try number(UInt8.self)))))
        case UInt8(ascii: "X"): push(.text(try text(UInt64(try number(UInt32.self)))))
        case 0x8D: push(.text(try text(try number(UInt64.self))))
        case UInt8(ascii: ")"): push(.tuple([]))
        case UInt8(ascii: "]"): push(.list([]))
        case UInt8(ascii: "}"): push(.dictionary([]))
        case UInt8(ascii: "t"): push(.tuple(try popToMark()))
        case 0x85...0x87: push(.tuple(try pop(count: Int(opcode) - 0x84)))
        case UInt8(ascii: "a"): try append([try pop()])
        case UInt8(ascii: "e"): try append(try popToMark())
        case UInt8(ascii: "s"): try set(try pop(count: 2))
        case UInt8(ascii: "u"): try set(try popToMark())
        case UInt8(ascii: "q"): try remember(UInt32(try number(UInt8.self)))
        case UInt8(ascii: "r"): try remember(try number(UInt32.self))
        case 0x94: try remember(UInt32(memo.count))
        case UInt8(ascii: "h"): try recall(UInt32(try number(UInt8.self)))
        case UInt8(ascii: "j"): try recall(try number(UInt32.self))
        case UInt8(ascii: "c"): try global(module: try line(), name: try line())
        case 0x93:
            let names = try pop(count: 2)
            try global(module: try text(at: names[0]), name: try text(at: names[1]))
        case UInt8(ascii: "Q"): push(.storage(try storage(try pop())))
        case UInt8(ascii: "R"):
            let call = try pop(count: 2)
            try reduce(call[0], arguments: call[1])
        case 0x81:
            let call = try pop(count: 2)
            try make(call[0], arguments: call[1])
        case UInt8(ascii: "b"): try build(state: try pop())
        default:
            throw unsupported("the opcodes of tensors and plain values", "opcode 0x\(String(opcode, radix: 16))")
        }
    }
}

// The stack

extension PickleReader {
    mutating func push(_ value: PickleValue) {
        stack.append(values.count)
        values.append(value)
    }

    /// Pushes a value that is there already.
    mutating func push(place: Place) { stack.append(place) }

    private mutating func pop() throws(CheckpointError) -> Place { try pop(count: 1)[0] }

    /// The last values of the stack, none of them before the last mark.
    private mutating func pop(count: Int) throws(CheckpointError) -> [Place] {
        guard stack.count - (marks.last ?? 0) >= count else { throw malformed("\(count) values on the stack", "fewer") }
        let taken = Array(stack.suffix(count))
        stack.removeLast(count)
        return taken
    }

    private mutating func popToMark() throws(CheckpointError) -> [Place] {
        guard let mark = marks.popLast() else { throw malformed("a mark on the stack", "none") }
        let taken = Array(stack[mark...])
        stack.removeLast(taken.count)
        return taken
    }

    private func top() throws(CheckpointError) -> Place {
        guard let place = stack.last, stack.count > marks.last ?? 0 else {
            throw malformed("a value on the stack", "none")
        }
        return place
    }

    private mutating func remember(_ index: UInt32) throws(CheckpointError) { memo[index] = try top() }

    private mutating func recall(_ index: UInt32) throws(CheckpointError) {
        guard let place = memo[index] else { throw malformed("memo \(index) to be set", "it unset") }
        push(place: place)
    }

    private mutating func append(_ items: [Place]) throws(CheckpointError) {
        let place = try top()
        guard case .list(var list) = values[place] else { throw malformed("a list", values[place].kind) }
        // Taken out first, so that the list grows in place.
        values[place] = .none
        list += items
        values[place] = .list(list)
    }

    private mutating func set(_ items: [Place]) throws(CheckpointError) {
        let place = try top()
        guard case .dictionary(var pairs) = values[place] else { throw malformed("a dictionary", values[place].kind) }
        guard items.count % 2 == 0 else { throw malformed("a value for each key", "\(items.count) values") }
        values[place] = .none
        for i in stride(from: 0, to: items.count, by: 2) { pairs.append((items[i], items[i + 1])) }
        values[place] = .dictionary(pairs)
    }

    /// Sets the state of the module on the stack. That of a dictionary (`_metadata`: versions of modules) is left out.
    private mutating func build(state: Place) throws(CheckpointError) {
        let place = try top()
        switch values[place] {
        case .dictionary: break
        case .object(nil): values[place] = .object(state: state)
        default: throw malformed("a module without a state", values[place].kind)
        }
    }
}

// Bytes

extension PickleReader {
    private mutating func number<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(CheckpointError) -> T {
        try cursor.integer(type, entry)
    }

    /// A signed integer of up to eight bytes.
    private mutating func long() throws(CheckpointError) -> Int {
        let bytes = try cursor.take(UInt64(try number(UInt8.self)), entry)
        guard bytes.count <= 8 else { throw malformed("an integer of at most 8 bytes", "\(bytes.count) bytes") }
        guard let last = bytes.last else { return 0 }
        var value = last >= 0x80 ? -1 : 0
        for byte in bytes.reversed() { value = value << 8 | Int(byte) }
        return value
    }

    private mutating func text(_ count: UInt64) throws(CheckpointError) -> String {
        let bytes = try cursor.take(count, entry)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw malformed("text in UTF-8", "other bytes")
        }
        return text
    }

    /// A name that ends with its line.
    private mutating func line() throws(CheckpointError) -> String {
        let rest = cursor.buffer[cursor.offset...]
        let end = rest.prefix(1024).firstIndex(of: UInt8(ascii: "\n"))
        guard let end else { throw malformed("a name that ends within 1024 bytes", "none") }
        let name = try text(UInt64(end - cursor.offset))
        _ = try number(UInt8.self)
        return name
    }

    private func text(at place: Place) throws(CheckpointError) -> String {
        guard case .text(let text) = values[place] else { throw malformed("a name", values[place].kind) }
        return text
    }

    func malformed(_ expected: String, _ found: String) -> CheckpointError {
        cursor.malformed("\(entry), byte \(cursor.offset)", expected: expected, found: found)
    }

    func unsupported(_ expected: String, _ found: String) -> CheckpointError {
        .unsupported(file: cursor.file, key: "\(entry), byte \(cursor.offset)", expected: expected, found: found)
    }
}
