import CConfinement
import Glibc

/// What a worker's process takes from itself, for good, before it sees the first picture: a decoder that a malicious file
/// has taken over finds little to work with.
public struct Confinement: Hashable, Sendable {
    /// No socket but local ones. A worker that binds or connects a tcp endpoint keeps the network.
    public var network = true
    /// Bytes of memory for all tasks together, besides what the loaded expert holds; nil: no limit.
    public var memory: Int?
    /// No core dumps (they hold people's pictures), no file over 64 MiB (a log), at most 256 files at once.
    public var files = false

    public init() {}

    /// Nothing is taken.
    public static let none = Confinement()

    /// For experts that decode pictures and need nothing but the files of their models. 4 GiB hold the largest picture that
    /// is accepted, and end a decoder that goes astray before the machine suffers.
    public static let decoder: Confinement = {
        var confinement = Confinement()
        confinement.network = false
        confinement.memory = 4 << 30
        confinement.files = true
        return confinement
    }()

    /// Before any other thread is started. What the kernel refuses is logged, and the worker goes on without it.
    func begin(local: Bool, log: (String) -> Void) {
        if files, lorgnette_limit_files(0, 64 << 20, 256) != 0 {
            log("cannot limit its files: \(String(cString: strerror(errno)))")
        }
        if !network, local, lorgnette_forbid_network() != 0 {
            log("cannot give up the network: \(String(cString: strerror(errno)))")
        }
    }

    /// Once the expert is loaded: its weights do not count.
    func limitMemory() {
        guard let memory, let held = Self.held else { return }
        _ = lorgnette_limit_memory(UInt64(held + memory))
    }

    /// Bytes of private memory that this process can write to; nil if the system does not say.
    static var held: Int? {
        guard let file = fopen("/proc/self/status", "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self).split(
                separator: "\t")
            guard words.first == "VmData:", words.count > 1 else { continue }
            return Int(words[1].filter(\.isNumber)).map { $0 * 1024 }
        }
        return nil
    }
}
