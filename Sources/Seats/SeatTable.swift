import Glibc

/// The seats of a run's workers: a file of one byte each, which they map.
public final class SeatTable {
    static let seats = 64
    /// A worker that computes with one thread, or with as many as it may.
    static let one: UInt8 = 1
    static let many: UInt8 = 2

    private let path: String
    private let bytes: Bytes
    private var places: [String: Int] = [:]

    /// Makes the file; nil if that cannot be done: workers then use all processors.
    public init?(path: String) {
        let file = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { return nil }
        defer { close(file) }
        // Written, not only made longer: a full disk is noticed here, and not by who maps the file.
        let zeros = [UInt8](repeating: 0, count: Self.seats)
        guard write(file, zeros, zeros.count) == zeros.count, let bytes = Bytes(path: path) else { return nil }
        (self.path, self.bytes) = (path, bytes)
    }

    /// The seat of a worker of that name, empty, for `Seat.variable`; "" once all are taken.
    public func seat(of worker: String) -> String {
        guard let place = places[worker] ?? (places.count < Self.seats ? places.count : nil) else { return "" }
        places[worker] = place
        bytes[place] = 0
        return "\(path):\(place)"
    }

    /// A worker has ended, and may have been computing.
    public func clear(_ worker: String) {
        if let place = places[worker] { bytes[place] = 0 }
    }

    /// The mapped file. Bytes are written by one process each, and read by all, whenever they like.
    final class Bytes: @unchecked Sendable {
        private let base: UnsafeMutablePointer<UInt8>

        init?(path: String) {
            let file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
            guard file >= 0 else { return nil }
            defer { close(file) }
            var status = stat()
            guard fstat(file, &status) == 0, status.st_size >= SeatTable.seats,
                let map = mmap(nil, SeatTable.seats, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), map != MAP_FAILED
            else { return nil }
            base = map.assumingMemoryBound(to: UInt8.self)
        }

        deinit { munmap(base, SeatTable.seats) }

        subscript(_ i: Int) -> UInt8 {
            get { base[i] }
            set { base[i] = newValue }
        }
    }
}
