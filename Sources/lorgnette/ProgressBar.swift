import Coordination
import Foundation
import Pipelines

/// Shows a run: a bar with rate and time left on a terminal, a plain line now and then in a pipe.
///
/// Called from the coordinator's thread; the total is counted beside it, since a folder may be large.
final class ProgressBar: RunObserver, @unchecked Sendable {
    private let isTerminal = isatty(STDERR_FILENO) != 0
    private let lock = NSLock()
    private var total: Int?
    private var lastDrawn = Duration.zero
    private var drawn = false

    init(counting walk: FolderWalk, limit: Int?) {
        let counter = Thread { [weak self] in
            var count = 0
            for _ in walk {
                count += 1
                if count == limit { break }
            }
            self?.lock.withLock { self?.total = count }
        }
        counter.start()
    }

    func update(_ status: RunStatus) {
        guard status.elapsed - lastDrawn >= (isTerminal ? .milliseconds(100) : .seconds(10)) else { return }
        lastDrawn = status.elapsed
        let line = text(status)
        if isTerminal {
            write("\r\u{1B}[2K\(line.prefix(width() - 1))")
            drawn = true
        } else if status.total > 0 {
            write(line + "\n")
        }
    }

    func progress(_ text: String, attempt: Int) {}

    func failed(_ item: String, _ error: ItemError) {
        let stage = error.stage.map { "\($0): " } ?? ""
        note("failed: \(item): \(stage)\(error.message) [\(error.code)]")
    }

    func note(_ text: String) {
        clear()
        write(Terminal.clean(text).replacing("\n", with: " ") + "\n")
    }

    /// Takes the bar away.
    func end() { clear() }

    private func text(_ status: RunStatus) -> String {
        let done = status.total
        let fresh = done - status.kept
        let rate = Double(fresh) / max(status.elapsed.inSeconds, 1e-3)
        var line = "\(done)"
        if let total = lock.withLock({ total }) {
            if isTerminal { line = "[\(bar(done, of: total))] " + line }
            line += "/\(total)"
            if fresh > 0 { line += ", \(time(Double(total - done) / rate)) left" }
        }
        if status[.failed] > 0 { line += ", \(status[.failed]) failed" }
        return line + String(format: ", %.1f a second", rate)
    }

    private func bar(_ done: Int, of total: Int) -> String {
        let filled = total > 0 ? min(24, done * 24 / total) : 0
        return String(repeating: "█", count: filled) + String(repeating: "·", count: 24 - filled)
    }

    private func time(_ seconds: Double) -> String {
        let seconds = Int(seconds.rounded(.up))
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60) min" }
        return "\(seconds / 3600) h \(seconds % 3600 / 60) min"
    }

    private func width() -> Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : 80
    }

    private func clear() {
        if drawn { write("\r\u{1B}[2K") }
        drawn = false
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
