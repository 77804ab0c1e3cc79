import GRDB

/// An index of passages, in a temporary database that only this process sees and that ends with it: SQLite keeps a few
/// megabytes of it in memory and the rest in a file without a name. It is made anew at every start, so it cannot be stale.
final class PassageIndex {
    private let database: DatabaseQueue
    private(set) var count = 0

    init() throws {
        var configuration = Configuration()
        configuration.label = "lorgnette-search"
        // An empty path is SQLite's own word for such a database.
        database = try DatabaseQueue(path: "", configuration: configuration)
        try database.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA journal_mode = OFF")
            try database.execute(
                sql: """
                    CREATE VIRTUAL TABLE passage USING fts5(
                        heading, words, title UNINDEXED, text UNINDEXED, file UNINDEXED, line UNINDEXED, picture UNINDEXED,
                        tokenize = 'porter unicode61 remove_diacritics 2')
                    """)
        }
    }

    func add(_ passages: [Passage]) throws {
        guard !passages.isEmpty else { return }
        count += passages.count
        try database.write { database in
            let statement = try database.cachedStatement(sql: "INSERT INTO passage VALUES (?, ?, ?, ?, ?, ?, ?)")
            for passage in passages {
                try statement.execute(arguments: [
                    SearchQuery.spaced(passage.heading), SearchQuery.spaced(passage.text), passage.heading,
                    passage.text,
                    passage.file, passage.line, passage.picture,
                ])
            }
        }
    }

    /// The best passages by BM25, the best first, no text twice; a word of a heading counts double.
    /// - Parameter picture: what is known of this picture itself is left out.
    func best(_ most: Int, for query: SearchQuery, apartFrom picture: String) throws -> [Passage] {
        guard !query.words.isEmpty else { return [] }
        return try database.read { database in
            let rows = try Row.fetchCursor(
                database,
                sql: """
                    SELECT title, text, file, line, picture FROM passage WHERE passage MATCH ? AND (picture = '' OR picture <> ?)
                    ORDER BY bm25(passage, 2.0, 1.0), rowid
                    """,
                arguments: [query.expression, picture])
            var found: [Passage] = []
            while found.count < most, let row = try rows.next() {
                let passage = Passage(
                    text: row["text"], heading: row["title"], file: row["file"], line: row["line"],
                    picture: row["picture"])
                if !found.contains(where: { $0.text == passage.text }) { found.append(passage) }
            }
            return found
        }
    }
}
