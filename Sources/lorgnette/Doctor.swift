import ArgumentParser
import Coordination
import Foundation

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says what is installed, what is missing and how to get it.")

    func run() throws {
        var missing = 0
        func line(_ isThere: Bool, _ what: String, _ detail: String) {
            if !isThere { missing += 1 }
            Terminal.say("\(isThere ? "ok     " : "missing")  \(what)  \(detail)")
        }
        let experts = Dictionary(uniqueKeysWithValues: ExpertLocator().installed())
        for name in ["encoder", "captioner", "ocr", "generator", "barcode", "search", "command"] {
            line(experts[name] != nil, "expert \(name)", experts[name] ?? "build it: swift build -c release")
        }
        let python = "\(ExpertLocator.pythonFolder)/bin"
        for (what, program) in [("Python for experts", "python"), ("expert detector", "lorgnette-detector")] {
            let isThere = FileManager.default.isExecutableFile(atPath: "\(python)/\(program)")
            line(isThere, what, isThere ? "\(python)/\(program)" : "get it: make setup")
        }
        let folder = Self.dataFolder
        for (file, bytes) in [("SmolLM2-135M-Instruct.Q4_1.gguf", 98_362_432), ("vit_s_focus.onnx", 97_447_603)] {
            let path = "\(folder)/models/\(file)"
            let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? nil
            let detail =
                size == nil
                ? "get it: make setup" : size == bytes ? path : "\(path): expected \(bytes) bytes, found \(size!)"
            line(size == bytes, "model \(file)", detail)
        }
        for language in ["eng", "chi_sim"] {
            let found = Self.tessdata.first { FileManager.default.fileExists(atPath: "\($0)/\(language).traineddata") }
            let package = "tesseract-ocr-\(language.replacing("_", with: "-"))"
            line(found != nil, "OCR language \(language)", found ?? "get it: apt-get install \(package)")
        }
        Terminal.say(
            CurveKeys.areAvailable
                ? "ok       CURVE  workers on other machines can be used; keys: \(CurveKeys.folder)"
                : "note     CURVE  this libzmq was built without it: no workers on other machines")
        Terminal.say("ok       kernels  \(Self.kernels)")
        Terminal.say("ok       threads  \(ProcessInfo.processInfo.activeProcessorCount) processors")
        Terminal.say(Self.confinement)
        Terminal.say(missing == 0 ? "all is there" : "\(missing) missing")
        if missing > 0 { throw ExitCode.missingPart }
    }

    private static var dataFolder: String {
        let environment = ProcessInfo.processInfo.environment
        if let home = environment["LORGNETTE_HOME"], !home.isEmpty { return home }
        if let data = environment["XDG_DATA_HOME"], !data.isEmpty { return "\(data)/lorgnette" }
        return "\(environment["HOME"] ?? "")/.local/share/lorgnette"
    }

    private static var tessdata: [String] {
        let prefix = ProcessInfo.processInfo.environment["TESSDATA_PREFIX"].map { [$0, "\($0)/tessdata"] } ?? []
        return prefix + ["/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tessdata", "/usr/local/share/tessdata"]
    }

    /// Whether the experts that decode pictures can give up the network.
    private static var confinement: String {
        let actions = (try? String(contentsOfFile: "/proc/sys/kernel/seccomp/actions_avail", encoding: .utf8)) ?? ""
        return actions.split(separator: " ").contains("errno")
            ? "ok       confinement  encoder and ocr work without network (seccomp)"
            : "note     confinement  this kernel has no seccomp filters: encoder and ocr keep the network"
    }

    /// What the processor offers to the kernels, of what they can use.
    private static var kernels: String {
        let info = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let flags = Set(
            (info.split(separator: "\n").first { $0.hasPrefix("flags") } ?? "").split(separator: " ").map(String.init))
        // Each needs what those before it need.
        var best = "scalar"
        for (name, needed) in [
            ("avx2", ["avx2", "fma", "f16c"]), ("avx512", ["avx512f", "avx512bw", "avx512vl", "avx512dq"]),
            ("vnni", ["avx512_vnni"]), ("amx", ["avx512vbmi", "amx_tile", "amx_int8"]),
        ] {
            guard flags.isSuperset(of: needed) else { break }
            best = name
        }
        return best
    }
}
