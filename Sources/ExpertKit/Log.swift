import Glibc

/// A worker's stderr is its log.
package enum Log {
    /// Whole, in one write: lines of several threads and processes do not mix.
    package static func line(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
