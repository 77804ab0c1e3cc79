import Glibc
import Tensors

/// Visual features on disk, by the SHA-256 of the picture that they were made of: what a frozen encoder says about a
/// picture is computed once, in whatever run first needs it.
///
/// One file: a line of text ("lorgnette.features/1 N C", padded to 64 bytes), then records of 64 hexadecimal digits and
/// N · C float16 each. A record that was not finished, by a full disk or a crash, is written over by the next one.
public final class FeatureStore {
    public let path: String
    /// Features of a picture, [N, C].
    public let rows: Int
    public let columns: Int
    private let file: Int32
    private var places: [String: Int] = [:]
    private var records = 0

    private static let head = 64
    private static let keyLength = 64

    /// Opens the store at `path`, or makes it. Throws `FeatureStoreError` if it cannot, or holds other shapes.
    public init(path: String, rows: Int, columns: Int) throws(FeatureStoreError) {
        (self.path, self.rows, self.columns) = (path, rows, columns)
        file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw FeatureStoreError(path, Self.reason) }
        let line = "lorgnette.features/1 \(rows) \(columns)"
        let expected =
            Array(line.utf8) + Array(repeating: UInt8(ascii: " "), count: Self.head - 1 - line.utf8.count) + [10]
        var found = [UInt8](repeating: 0, count: Self.head)
        switch pread(file, &found, Self.head, 0) {
        case 0:
            guard pwrite(file, expected, Self.head, 0) == Self.head else { throw FeatureStoreError(path, Self.reason) }
        case Self.head where found == expected: break
        default:
            let shown = String(decoding: found.prefix { $0 >= 32 && $0 < 127 }, as: UTF8.self)
            throw FeatureStoreError(path, "expected \"\(line)\" at its start, found \"\(shown)\"")
        }
        let end = Int(lseek(file, 0, SEEK_END))
        records = (end - Self.head) / recordSize
        var key = [UInt8](repeating: 0, count: Self.keyLength)
        for i in 0..<records where pread(file, &key, Self.keyLength, offset(i)) == Self.keyLength {
            places[String(decoding: key, as: UTF8.self)] = i
        }
    }

    deinit { close(file) }

    public func contains(_ key: String) -> Bool { places[key] != nil }

    /// The features [N, C] of a picture; nil if they are not here.
    public func features(_ key: String) throws(FeatureStoreError) -> Tensor? {
        guard let place = places[key] else { return nil }
        let size = recordSize - Self.keyLength
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
        defer { memory.deallocate() }
        guard pread(file, memory, size, offset(place) + Self.keyLength) == size else {
            throw FeatureStoreError(path, "record \(place): \(Self.reason)")
        }
        let bytes = Bytes(base: memory, count: size, owner: nil)
        guard let halves = try? Matrix(type: .f16, rows: rows, columns: columns, bytes: bytes) else { return nil }
        return halves.dequantised()
    }

    /// Adds a picture's features. `key` is 64 hexadecimal digits.
    public func add(_ key: String, _ features: Tensor) throws(FeatureStoreError) {
        precondition(features.rows == rows && features.columns == columns && key.utf8.count == Self.keyLength)
        var record = Array(key.utf8)
        record.reserveCapacity(recordSize)
        for value in features.array {
            let bits = Float16(value).bitPattern
            record.append(UInt8(truncatingIfNeeded: bits))
            record.append(UInt8(truncatingIfNeeded: bits >> 8))
        }
        // The key goes last: a record without its key is none.
        let at = offset(records)
        let body = record.count - Self.keyLength
        let whole = record.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return false }
            return pwrite(file, base + Self.keyLength, body, at + Self.keyLength) == body
                && pwrite(file, base, Self.keyLength, at) == Self.keyLength
        }
        guard whole else {
            let reason = Self.reason
            ftruncate(file, at)
            throw FeatureStoreError(path, reason)
        }
        places[key] = records
        records += 1
    }

    private var recordSize: Int { Self.keyLength + rows * columns * 2 }
    private func offset(_ record: Int) -> Int { Self.head + record * recordSize }
    private static var reason: String { errno == 0 ? "cut short" : String(cString: strerror(errno)) }
}

/// Why a feature store cannot be used.
public struct FeatureStoreError: Error, CustomStringConvertible {
    public let description: String
    init(_ path: String, _ reason: String) { description = "\(path): \(reason)" }
}
