import ArgumentParser
import Checkpoints
import Foundation
import Models

struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a language model and its tokenizer as one GGUF file, in fewer bits.",
        discussion: """
            Reads a GGUF, a folder as LLaMA was released, or a folder of Hugging Face's. q8_0 takes 34 bytes for 32 \
            weights, q4_0 takes 18, f16 takes 64. The file appears when it is whole.
            """)

    @Argument(help: "The model: a path, or a name in the models folder.") var model: String
    @Option(help: "What weights are stored in: \(LanguageSource.Precision.names).") var to: LanguageSource.Precision
    @Option(help: "The GGUF file to write.") var out: String

    func validate() throws {
        if !out.hasSuffix(".gguf") { throw ValidationError("--out: expected a name that ends in .gguf, found \(out)") }
    }

    func run() throws {
        let path = ModelsFolder.resolve(model)
        if let from = Self.place(path), from == Self.place(out) {
            throw ConvertFault("--out: expected another file than the model, found \(out)")
        }
        let source = try LanguageSource(path: path)
        var shown = -1
        let isTerminal = isatty(2) == 1
        let conversion = try source.convert(to: to, out: out) { done, all in
            // Of a file that is no terminal, a line for each tenth is enough.
            let share = all > 0 ? done * 100 / all : 100
            let step = isTerminal ? share : share / 10 * 10
            guard step != shown else { return }
            shown = step
            Self.say(
                (isTerminal ? "\r\u{1b}[K" : "") + "\(step) % of \(ModelSummary.size(all))" + (isTerminal ? "" : "\n"))
        }
        if isTerminal { Self.say("\r\u{1b}[K") }
        print("\(out): \(conversion.tensors) tensors, \(ModelSummary.size(conversion.bytes))")
        if !conversion.unquantised.isEmpty, to != .f16 {
            print(
                "f16, because their rows are no whole blocks of 32: \(conversion.unquantised.count), "
                    + "\(conversion.unquantised[0]) first")
        }
    }

    private static func say(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

    /// Where a file is, whatever its name; nil if it is not there.
    private static func place(_ path: String) -> [UInt64]? {
        var facts = stat()
        return stat(path, &facts) == 0 ? [UInt64(facts.st_dev), UInt64(facts.st_ino)] : nil
    }
}

extension LanguageSource.Precision: ExpressibleByArgument {
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

/// What stands against a conversion.
private struct ConvertFault: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
