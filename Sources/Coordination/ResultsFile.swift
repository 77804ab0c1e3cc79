import GRDB
import Glibc
import Wire

/// `results.jsonl`, an image of the ledger: appended to while a run goes on, repaired when one begins or ends.
public final class ResultsFile {
    public let path: String
    private let ledger: Ledger
    private let chaos: Chaos?
    private var descriptor: Int32 = -1

    /// - Parameter chaos: may say that the disk is full.
    public init(path: String, ledger: Ledger, chaos: Chaos? = nil) {
        self.path = path
        self.chaos = chaos
        self.ledger = ledger
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Makes the file agree with the ledger, whatever a killed run left, and opens it for appending.
    public func open() throws(CoordinationError) {
        let (end, stale) = try ledger.reading { database in
            let row = try Row.fetchOne(database, sql: "SELECT end, stale FROM file")!
            return (row[0] as Int64, (row[1] as Int64) != 0)
        }
        if stale { try rewrite() }
        descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .output(path: path, reason: systemError()) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw .output(path: path, reason: systemError()) }
        if !stale, Int64(info.st_size) != end {
            // Killed between the ledger's commit and the append, or the file was touched by somebody else.
            close(descriptor)
            try rewrite()
            descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC)
            guard descriptor >= 0 else { throw .output(path: path, reason: systemError()) }
        }
    }

    /// Writes lines that the ledger holds already, at the place it gave them.
    public func append(_ lines: [String], at start: Int64) throws(CoordinationError) {
        var bytes: [UInt8] = []
        for line in lines {
            bytes.append(contentsOf: line.utf8)
            bytes.append(UInt8(ascii: "\n"))
        }
        if let room = chaos?.room(from: start, for: bytes.count) {
            try write(Array(bytes.prefix(room)), to: descriptor, at: start)
            throw .output(path: path, reason: systemError(ENOSPC))
        }
        try write(bytes, to: descriptor, at: start)
    }

    /// Called at the end of a run: replaces lines of items that were done again.
    public func settle() throws(CoordinationError) {
        let stale = try ledger.reading { try Int64.fetchOne($0, sql: "SELECT stale FROM file") != 0 }
        if stale { try rewrite() }
    }

    /// Writes the whole file anew beside the old one and puts it in its place. The file is
    /// marked stale until after the rename: a run killed in between does it again.
    private func rewrite() throws(CoordinationError) {
        let temporary = path + ".new"
        let output = Glibc.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard output >= 0 else { throw .output(path: temporary, reason: systemError()) }
        defer {
            close(output)
            unlink(temporary)  // gone already if it took the old one's place
        }
        var buffer: [UInt8] = []
        var total: Int64 = 0
        var failure: CoordinationError?
        try ledger.writing { database in
            try database.execute(sql: "UPDATE file SET stale = 1")
            let rows = try Row.fetchCursor(database, sql: "SELECT line FROM item ORDER BY sequence")
            while let row = try rows.next() {
                buffer.append(contentsOf: (row[0] as String).utf8)
                buffer.append(UInt8(ascii: "\n"))
                if buffer.count > 1 << 20 {
                    do throws(CoordinationError) { try self.write(buffer, to: output, at: total) } catch {
                        failure = error
                        return
                    }
                    total += Int64(buffer.count)
                    buffer.removeAll(keepingCapacity: true)
                }
            }
        }
        if let failure { throw failure }
        try write(buffer, to: output, at: total)
        total += Int64(buffer.count)
        guard fsync(output) == 0, rename(temporary, path) == 0 else {
            throw .output(path: path, reason: systemError())
        }
        try ledger.writing { database in
            try database.execute(sql: "UPDATE file SET end = ?, stale = 0", arguments: [total])
        }
    }

    private func write(_ bytes: [UInt8], to descriptor: Int32, at start: Int64) throws(CoordinationError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress! + done, $0.count - done, off_t(start) + off_t(done))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .output(path: path, reason: systemError()) }
            done += count
        }
    }
}
