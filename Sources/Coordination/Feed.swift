import Foundation
import Pipelines

/// An input that is ready for the experts, or refused before them.
public struct PreparedItem: Sendable {
    public var name: String
    public var nameIsEscaped: Bool
    public var path: PathBytes
    public var picture: PictureFile?
    public var refusal: PictureFile.Refusal?
    /// Of the file when it was looked at; nil where there is no file.
    public var stamp: PictureFile.Stamp?
    /// Asked of this item instead of the pipeline's question.
    public var question: String?
    /// What the ledger has of its stages.
    public var recollection = Recollection()

    public init(name: String, nameIsEscaped: Bool, path: PathBytes) {
        self.name = name
        self.nameIsEscaped = nameIsEscaped
        self.path = path
    }

    /// What the ledger knows it by. An escaped name may read like another file's own; no name begins with two slashes.
    public var key: String { Self.key(name, nameIsEscaped) }

    static func key(_ name: String, _ isEscaped: Bool) -> String { isEscaped ? "//" + name : name }
}

/// What a feed tells the coordinator.
public enum FeedEvent: Sendable {
    case item(PreparedItem)
    /// Inputs that a former run finished and that are kept as they are.
    case kept(ItemStatus)
    /// No more will come.
    case finished
    case failed(CoordinationError)
}

/// Where items come from. It works on its own thread and delivers no more items than it was granted.
public protocol Feed: AnyObject, Sendable {
    /// Begins to deliver, from another thread. `keys` tells a stage's key for a picture.
    func start(keys: StageKeys, deliver: @escaping @Sendable (FeedEvent) -> Void)
    /// Lets the feed deliver so many items more.
    func grant(_ items: Int)
    /// Asks the feed to end soon.
    func stop()
}

/// The files below some inputs, in order, without those that the ledger knows as done.
public final class FolderFeed: Feed {
    private let walk: FolderWalk
    private let ledger: Ledger
    private let retryFailed: Bool
    private let limit: Int
    private let questions: Questions?
    /// Inputs that are looked up in the ledger together.
    private static let batch = 256
    private let slots = DispatchSemaphore(value: 0)
    private let stopped = Flag()

    /// - Parameters:
    ///   - limit: at most so many inputs are looked at; nil for all.
    ///   - questions: of items that are not asked the pipeline's.
    public init(walk: FolderWalk, ledger: Ledger, retryFailed: Bool, limit: Int?, questions: Questions? = nil) {
        self.walk = walk
        self.ledger = ledger
        self.retryFailed = retryFailed
        self.limit = limit ?? .max
        self.questions = questions
    }

    public func start(keys: StageKeys, deliver: @escaping @Sendable (FeedEvent) -> Void) {
        let thread = Thread { [self] in
            do throws(CoordinationError) {
                try work(keys: keys, deliver: deliver)
                deliver(.finished)
            } catch {
                deliver(.failed(error))
            }
        }
        thread.name = "feed"
        thread.start()
    }

    public func grant(_ items: Int) {
        for _ in 0..<items { slots.signal() }
    }

    public func stop() {
        stopped.raise()
        slots.signal()
    }

    private func work(keys: StageKeys, deliver: (FeedEvent) -> Void) throws(CoordinationError) {
        var looked = 0
        var walk = walk
        while looked < limit, !stopped.isRaised {
            var batch: [FolderWalk.Found] = []
            while batch.count < min(Self.batch, limit - looked), let found = walk.next() { batch.append(found) }
            if batch.isEmpty { return }
            looked += batch.count
            let names = batch.map(\.name.itemName)
            let memories = try ledger.memories(of: names.map { PreparedItem.key($0.name, $0.escaped) })
            for (index, found) in batch.enumerated() {
                if let kept = keptStatus(of: found, names[index].name, memories[index], keys: keys) {
                    deliver(.kept(kept))
                    continue
                }
                slots.wait()
                if stopped.isRaised { return }
                deliver(.item(try prepare(found, keys: keys)))
            }
        }
    }

    /// The status of an item that need not be done again: the same file, the same configuration, an end to stand by.
    private func keptStatus(
        of found: FolderWalk.Found, _ item: String, _ memory: Ledger.Memory?, keys: StageKeys
    ) -> ItemStatus? {
        guard let memory, memory.configuration == keys.asking(questions?[item]).configuration,
            memory.stamp == found.path.flatMap(PictureFile.stamp),
            !(retryFailed && (memory.status == .failed || memory.status == .partial))
        else { return nil }
        return memory.status
    }

    private func prepare(_ found: FolderWalk.Found, keys: StageKeys) throws(CoordinationError) -> PreparedItem {
        switch found {
        case .refused(let name, let refusal):
            let (text, escaped) = name.itemName
            var item = PreparedItem(name: text, nameIsEscaped: escaped, path: name)
            item.question = questions?[text]
            item.refusal = refusal
            return item
        case .file(let path, let name):
            let (text, escaped) = name.itemName
            var item = PreparedItem(name: text, nameIsEscaped: escaped, path: path)
            item.question = questions?[text]
            item.stamp = PictureFile.stamp(of: path)
            do {
                item.picture = try PictureFile.examine(path)
            } catch let error as CoordinationError {
                throw error
            } catch {
                item.refusal = error as? PictureFile.Refusal ?? .failed(code: "unreadable", message: "\(error)")
            }
            if let picture = item.picture {
                item.recollection = try keys.asking(item.question).recall(picture.sha256, ledger.outcome)
            }
            return item
        }
    }
}

extension FolderWalk.Found {
    var name: PathBytes {
        switch self {
        case .file(_, let name), .refused(let name, _): name
        }
    }

    /// Of a file; nil of what was refused.
    var path: PathBytes? { if case .file(let path, _) = self { path } else { nil } }
}

/// One picture, for `ask`.
public final class SingleFeed: Feed {
    private let path: String

    public init(path: String) { self.path = path }

    public func start(keys: StageKeys, deliver: @escaping @Sendable (FeedEvent) -> Void) {
        let path = PathBytes(path)
        let (name, escaped) = path.lastComponent.itemName
        var item = PreparedItem(name: name, nameIsEscaped: escaped, path: path.resolved() ?? path)
        do {
            item.picture = try PictureFile.examine(item.path)
        } catch {
            item.refusal = error as? PictureFile.Refusal ?? .failed(code: "unreadable", message: "\(error)")
        }
        deliver(.item(item))
        deliver(.finished)
    }

    public func grant(_ items: Int) {}
    public func stop() {}
}

/// A flag that goes up once, seen by every thread.
final class Flag: Sendable {
    private let lock = NSLock()
    nonisolated(unsafe) private var value = false

    var isRaised: Bool { lock.withLock { value } }
    func raise() { lock.withLock { value = true } }
}
