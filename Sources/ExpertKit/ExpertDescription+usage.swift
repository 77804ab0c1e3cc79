import Wire

extension ExpertDescription {
    /// What `--help` prints.
    var usage: String {
        func table(_ title: String, _ rows: [(String, String)]) -> String {
            if rows.isEmpty { return "" }
            let width = rows.map(\.0.count).max() ?? 0
            let lines = rows.map { "  \($0.0)\(String(repeating: " ", count: width - $0.0.count + 2))\($0.1)" }
            return "\n\(title):\n" + lines.joined(separator: "\n") + "\n"
        }
        let taken = inputs.map { ($0.name, "\($0.kindName)\($0.required ? "" : ", optional")") }
        let given = outputs.map { ($0.name, $0.kind == .tensor ? "tensors" : "words") }
        return """
            \(software)
            \(about)
            \(table("Inputs", taken))\(table("Outputs", given))\(table("Options, set in a pipeline file", options.map { ($0.name, $0.usage) }))
            This is a worker: a coordinator (`lorgnette run PIPELINE PICTURES…`) starts it for a stage like
              \(service): {expert: \(service)}
            By hand, for a stage with `at:` or under a debugger:
              --connect ENDPOINT  serve the coordinator that listens there (or LORGNETTE_CONNECT=ENDPOINT)
              --bind ENDPOINT     listen, and serve the coordinator that connects
              --bind ENDPOINT --key NAME --allow NAME…
                                  the same for other machines: with the secret key NAME, only for the public keys that
                                  are allowed; a NAME is a key's of `lorgnette keys new`, or a file's path
              --help              this text
            ENDPOINT is ipc:///path or tcp://127.0.0.1:port; with keys also tcp://*:port.

            """
    }
}

extension ExpertDescription.Port {
    var kindName: String {
        switch kind {
        case .picture: "the picture"
        case .question: "the user's question"
        case .tensor: "tensors of one stage"
        case .text: "words of one or more stages"
        case .unspecified, .UNRECOGNIZED: "unknown"
        }
    }
}

extension ExpertDescription.Option {
    var usage: String {
        var notes = [typeName]
        if let fallback { notes.append("default \(fallback)") }
        if let range {
            if range.lowerBound.isFinite { notes.append("from \(WireValue.number(range.lowerBound))") }
            if range.upperBound.isFinite { notes.append("to \(WireValue.number(range.upperBound))") }
        }
        if !choices.isEmpty { notes.append(choices.joined(separator: " | ")) }
        return "\(about) (\(notes.joined(separator: ", ")))"
    }
}
