import Foundation
import GRDB
import Pipelines

/// What a run has done, in `DIR/ledger.sqlite`: the truth from which `results.jsonl` follows.
///
/// Each item's line is here before it is in the file. A stage's result is kept under its key (picture hash and the
/// stage's whole configuration), so that what has not changed is not computed again. Safe against `kill -9` at any
/// moment: SQLite's write-ahead log keeps whole transactions.
public final class Ledger: Sendable {
    /// An item that ended, as it is remembered.
    public struct Entry: Sendable {
        /// `PreparedItem.key`.
        public var item: String
        public var stamp: PictureFile.Stamp?
        public var sha256: [UInt8]?
        /// Digest of the run's configuration, so that another question or pipeline is another result.
        public var configuration: String
        public var status: ItemStatus
        /// Without the newline.
        public var line: String

        public init(
            item: String, stamp: PictureFile.Stamp?, sha256: [UInt8]?, configuration: String, status: ItemStatus,
            line: String
        ) {
            self.item = item
            self.stamp = stamp
            self.sha256 = sha256
            self.configuration = configuration
            self.status = status
            self.line = line
        }
    }

    /// What is known of an item without its line.
    public struct Memory: Sendable {
        public var stamp: PictureFile.Stamp?
        public var sha256: [UInt8]?
        public var configuration: String
        public var status: ItemStatus
    }

    public enum Record: Sendable {
        case stage(key: [UInt8], outcome: Data)
        case item(Entry)
    }

    let path: String
    let pool: DatabasePool

    public init(path: String) throws(CoordinationError) {
        self.path = path
        do {
            var configuration = Configuration()
            configuration.busyMode = .timeout(10)
            configuration.maximumReaderCount = 2
            configuration.prepareDatabase { database in
                try database.execute(sql: "PRAGMA synchronous = NORMAL")
            }
            pool = try DatabasePool(path: path, configuration: configuration)
            try Self.migrations.migrate(pool)
        } catch {
            throw .ledger(path: path, reason: "\(error)")
        }
    }

    private static var migrations: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(
                sql: """
                    CREATE TABLE item (
                        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
                        name TEXT NOT NULL UNIQUE,
                        size INTEGER, modified INTEGER, sha256 BLOB,
                        configuration TEXT NOT NULL,
                        status TEXT NOT NULL,
                        line TEXT NOT NULL);
                    CREATE TABLE stage (key BLOB PRIMARY KEY, outcome BLOB NOT NULL) WITHOUT ROWID;
                    CREATE TABLE file (id INTEGER PRIMARY KEY CHECK (id = 0), end INTEGER NOT NULL, stale INTEGER NOT NULL);
                    INSERT INTO file VALUES (0, 0, 0);
                    """)
        }
        // Escaped names are kept apart from names that read the same.
        migrator.registerMigration("2") { database in
            try database.execute(
                sql: """
                    UPDATE item SET name = '//' || name WHERE instr(line, '"item_escaped":true') > 0 AND substr(name, 1, 2) <> '//'
                    """)
        }
        return migrator
    }

    public func memory(of item: String) throws(CoordinationError) -> Memory? {
        try memories(of: [item])[0]
    }

    /// What is known of each of some items, by their keys; many at once cost little more than one.
    public func memories(of items: [String]) throws(CoordinationError) -> [Memory?] {
        try reading { database in
            let request = try database.cachedStatement(
                sql: "SELECT size, modified, sha256, configuration, status FROM item WHERE name = ?")
            return try items.map { item in
                guard let row = try Row.fetchOne(request, arguments: [item]) else { return nil }
                let stamp: PictureFile.Stamp? =
                    if let size: Int64 = row[0], let modified: Int64 = row[1] { .init(size: size, modified: modified) } else {
                        nil
                    }
                let sha256: Data? = row[2]
                return Memory(
                    stamp: stamp, sha256: sha256.map { Array($0) }, configuration: row[3],
                    status: ItemStatus(rawValue: row[4]) ?? .failed)
            }
        }
    }

    /// The kept outcome of a stage, a serialised `Outcome` message.
    public func outcome(for key: [UInt8]) throws(CoordinationError) -> Data? {
        try reading { database in
            let request = try database.cachedStatement(sql: "SELECT outcome FROM stage WHERE key = ?")
            return try Data.fetchOne(request, arguments: [Data(key)])
        }
    }

    /// Writes records in one transaction and returns the new lines with the place in the file where the first goes.
    public func write(_ records: [Record]) throws(CoordinationError) -> (start: Int64, lines: [String]) {
        try writing { database in
            let start = try Int64.fetchOne(database, sql: "SELECT end FROM file")!
            var end = start
            var lines: [String] = []
            for record in records {
                switch record {
                case .stage(let key, let outcome):
                    try database.cachedStatement(sql: "INSERT OR REPLACE INTO stage VALUES (?, ?)")
                        .execute(arguments: [Data(key), outcome])
                case .item(let entry):
                    end += Int64(entry.line.utf8.count) + 1
                    try Self.insert(entry, into: database)
                    lines.append(entry.line)
                }
            }
            if !lines.isEmpty { try database.execute(sql: "UPDATE file SET end = ?", arguments: [end]) }
            return (start, lines)
        }
    }

    private static func insert(_ entry: Entry, into database: Database) throws {
        // A former line of the same item is superseded: the file is stale until it is written anew.
        try database.cachedStatement(sql: "DELETE FROM item WHERE name = ?").execute(arguments: [entry.item])
        if database.changesCount > 0 { try database.execute(sql: "UPDATE file SET stale = 1") }
        let insertion = try database.cachedStatement(
            sql: """
                INSERT INTO item (name, size, modified, sha256, configuration, status, line)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """)
        try insertion.execute(arguments: [
            entry.item, entry.stamp?.size, entry.stamp?.modified, entry.sha256.map { Data($0) }, entry.configuration,
            entry.status.rawValue, entry.line,
        ])
    }

    func reading<T>(_ body: (Database) throws -> T) throws(CoordinationError) -> T {
        do { return try pool.read(body) } catch { throw .ledger(path: path, reason: "\(error)") }
    }

    func writing<T>(_ body: (Database) throws -> T) throws(CoordinationError) -> T {
        do { return try pool.write(body) } catch { throw .ledger(path: path, reason: "\(error)") }
    }
}
