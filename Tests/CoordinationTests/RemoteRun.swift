import Foundation
import Locks
import Pipelines
import Testing
import Wire

@testable import Coordination

/// A run of the coordinator on its own thread, while the test plays the workers.
final class RemoteRun {
    let folder: TemporaryFolder
    private let thread: DedicatedThread
    private let ended = Ended()
    private let mailbox: Coordination.Mailbox

    private final class Ended: Sendable { let result = Locked<Result<RunStatus, any Error>?>(nil) }

    private final class Silent: RunObserver {
        func update(_ status: RunStatus) {}
        func progress(_ text: String, attempt: Int) {}
        func failed(_ item: String, _ error: ItemError) {}
        func note(_ text: String) {}
    }

    init(_ yaml: String, folder: TemporaryFolder, keys: KeyFolder? = nil, bytes: Int64? = nil) throws {
        self.folder = folder
        let pipeline = try Pipeline.read(yaml, file: "p.yaml")
        let (path, ended, mailbox) = (folder.path, ended, try Coordination.Mailbox())
        self.mailbox = mailbox
        thread = try DedicatedThread(name: "coordinator") {
            let result = Result {
                let ledger = try Ledger(path: "\(path)/ledger.sqlite")
                let file = ResultsFile(path: "\(path)/results.jsonl", ledger: ledger)
                try file.open()
                var settings = Coordinator.Settings(logs: "\(path)/logs")
                settings.keys = keys ?? KeyFolder("\(path)/keys")
                if let bytes { settings.remoteBytes = bytes }
                let feed = FolderFeed(
                    walk: try FolderWalk(inputs: ["\(path)/in"], excluding: "\(path)/out"), ledger: ledger,
                    retryFailed: false,
                    limit: nil)
                return try Coordinator(
                    pipeline: pipeline, settings: settings, feed: feed, sink: Journal(ledger: ledger, file: file),
                    observer: Silent(), mailbox: mailbox
                ).run()
            }
            ended.result.withLock { $0 = result }
        }
    }

    /// Waits for the run's end.
    func status() throws -> RunStatus {
        thread.join()
        return try #require(ended.result.withLock { $0 }).get()
    }

    /// Ends the run where a test gives up on it.
    func interrupt() { mailbox.interrupt() }

    /// A stage's text for each item.
    func texts(_ stage: String) throws -> [String: String] {
        var texts: [String: String] = [:]
        for line in try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/results.jsonl")).split(separator: 10) {
            let object = try #require(try JSONSerialization.jsonObject(with: line) as? [String: Any])
            let stages = object["stages"] as? [String: [String: Any]]
            texts[object["item"] as? String ?? ""] = stages?[stage]?["text"] as? String
        }
        return texts
    }
}

extension TemporaryFolder {
    /// A picture that differs from every other by its name.
    func picture(_ name: String) throws -> [UInt8] {
        let bytes = Array("P5\n2 2\n255\n".utf8) + Array(name.utf8.prefix(4))
        try file("in/\(name)", bytes)
        return bytes
    }
}
