import Glibc

/// A file path as the kernel knows it: bytes, which need not be UTF-8.
public struct PathBytes: Sendable, Hashable {
    /// Without a terminating zero.
    public let bytes: [UInt8]

    public init(_ bytes: [UInt8]) { self.bytes = bytes }
    public init(_ text: String) { bytes = Array(text.utf8) }

    /// The path as text; nil if it is not UTF-8.
    public var text: String? { String(validating: bytes, as: UTF8.self) }

    /// For people: what is not UTF-8 shows as U+FFFD.
    public var display: String { String(decoding: bytes, as: UTF8.self) }

    public var lastComponent: PathBytes {
        let trimmed = bytes.reversed().drop { $0 == UInt8(ascii: "/") }
        let name = trimmed.prefix { $0 != UInt8(ascii: "/") }
        return PathBytes(name.isEmpty ? [UInt8(ascii: "/")] : Array(name.reversed()))
    }

    /// The part after the last dot of the name, in lower case; empty if there is none.
    public var suffix: String {
        let name = lastComponent.bytes
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > 0 else { return "" }
        return String(decoding: name[(dot + 1)...], as: UTF8.self).lowercased()
    }

    public func appending(_ name: PathBytes) -> PathBytes {
        if bytes.isEmpty { return name }
        return PathBytes(bytes.last == UInt8(ascii: "/") ? bytes + name.bytes : bytes + [UInt8(ascii: "/")] + name.bytes)
    }

    public func withCString<R>(_ body: (UnsafePointer<CChar>) throws -> R) rethrows -> R {
        var terminated = bytes
        terminated.append(0)
        return try terminated.withUnsafeBufferPointer {
            try $0.withMemoryRebound(to: CChar.self) { try body($0.baseAddress!) }
        }
    }

    /// Absolute, without symbolic links; nil if it does not exist.
    public func resolved() -> PathBytes? {
        withCString { path in
            guard let full = realpath(path, nil) else { return nil }
            defer { free(full) }
            return PathBytes(Array(UnsafeBufferPointer(start: full, count: strlen(full))).map { UInt8(bitPattern: $0) })
        }
    }

    /// A name for result lines: UTF-8 as it is; otherwise each byte that is not, and each %, as %XX.
    public var itemName: (name: String, escaped: Bool) {
        if let text { return (text, false) }
        var name = ""
        var rest = bytes[...]
        while let byte = rest.first {
            let length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
            if byte != UInt8(ascii: "%"), let scalar = String(validating: rest.prefix(length), as: UTF8.self) {
                name += scalar
                rest = rest.dropFirst(length)
            } else {
                name += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
                rest = rest.dropFirst()
            }
        }
        return (name, true)
    }
}
