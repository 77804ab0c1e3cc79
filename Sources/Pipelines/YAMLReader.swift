import Yams

/// Turns YAML text into a `Written` tree within limits: no anchors, no tags, nothing deep, no key twice.
package struct YAMLReader {
    static let deepest = 16
    static let mostValues = 20_000

    package var faults: FaultList
    private var text: YAMLText?
    private var values = 0
    /// Something in the tree was left out, so that what follows from it would only mislead.
    private var isIncomplete = false

    /// The tree, or nil if there is none; `faults` tells what is wrong.
    package static func read(_ yaml: String, file: String) -> (root: Written?, faults: FaultList) {
        var reader = YAMLReader(faults: FaultList(file: file))
        return (reader.read(yaml), reader.faults)
    }

    private init(faults: FaultList) { self.faults = faults }

    private mutating func read(_ yaml: String) -> Written? {
        let start = Position(line: 1, column: 1)
        let size = yaml.utf8.count
        guard size <= YAMLText.mostBytes else {
            faults.add(start, nil, "expected at most \(YAMLText.mostBytes) bytes, found \(size)")
            return nil
        }
        guard var text = YAMLText(yaml) else {
            faults.add(start, nil, "expected text, found characters of the private plane 15")
            return nil
        }
        do throws(YamlError) {
            let node = try text.compose()
            self.text = text
            let root = node.flatMap { written($0, path: [], depth: 0) }
            return isIncomplete ? nil : root
        } catch {
            self.text = text
            explain(error)
            return nil
        }
    }

    private mutating func written(_ node: Node, path: [String], depth: Int) -> Written? {
        let position = Position(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
        let key = path.isEmpty ? nil : path.joined(separator: ".")
        guard let text, !isIncomplete || values < Self.mostValues else { return nil }
        values += 1
        if values > Self.mostValues {
            return refuse(position, key, "expected at most \(Self.mostValues) values in a file")
        }
        guard depth <= Self.deepest else {
            return refuse(position, key, "nested deeper than \(Self.deepest) levels")
        }
        switch node {
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain
            if isPlain, let problem = problem(scalar.string) { return refuse(position, key, problem) }
            if !Self.isPlainTag(scalar.tag, or: isPlain ? nil : .str) { return refuse(position, key, Self.noTags) }
            return Written(.scalar(text.restored(scalar.string), quoted: !isPlain), at: position)
        case .sequence(let sequence):
            if !Self.isPlainTag(sequence.tag, or: .seq) { return refuse(position, key, Self.noTags) }
            let items = sequence.enumerated().compactMap { index, item in
                written(item, path: path + ["\(index + 1)"], depth: depth + 1)
            }
            return Written(.list(items), at: position)
        case .mapping(let mapping):
            if !Self.isPlainTag(mapping.tag, or: .map) { return refuse(position, key, Self.noTags) }
            return Written(.map(settings(mapping, path: path, depth: depth)), at: position)
        case .alias:
            return refuse(position, key, Self.noAliases)
        }
    }

    private mutating func settings(_ mapping: Node.Mapping, path: [String], depth: Int) -> [Setting] {
        guard let text else { return [] }
        var settings: [Setting] = []
        var lines: [String: Int] = [:]
        for (keyNode, valueNode) in mapping {
            let position = Position(line: keyNode.mark?.line ?? 1, column: keyNode.mark?.column ?? 1)
            guard case .scalar(let scalar) = keyNode else {
                _ = refuse(
                    position, path.isEmpty ? nil : path.joined(separator: "."),
                    "expected a word as key, found a list or a map")
                continue
            }
            let name = text.restored(scalar.string)
            let place = path + [name]
            let key = place.joined(separator: ".")
            if scalar.style == .plain, let problem = problem(scalar.string) {
                _ = refuse(position, key, problem)
                continue
            }
            if let line = lines[name] {
                faults.add(position, key, "given twice; the first is in line \(line)")
                continue
            }
            lines[name] = position.line
            guard let value = written(valueNode, path: place, depth: depth + 1) else { continue }
            settings.append(Setting(key: name, at: position, value: value))
        }
        return settings
    }

    private mutating func refuse(_ position: Position, _ key: String?, _ message: String) -> Written? {
        faults.add(position, key, message)
        isIncomplete = true
        return nil
    }

    private func problem(_ plain: String) -> String? {
        guard let text else { return nil }
        return text.isAnchor(plain) ? Self.noAliases : text.isLongKey(plain) ? Self.noLongKeys : nil
    }

    private static let noTags = "tags (!name) are not known here; write the plain value"
    private static let noAliases =
        "anchors (&name) and aliases (*name) are not known here; write the value out, or quote it"
    private static let noLongKeys = "keys of the form \"? key\" are not known here; write \"key: value\""

    private static func isPlainTag(_ tag: Tag, or name: Tag.Name?) -> Bool {
        tag.rawValue == Tag.Name.implicit.rawValue || tag.rawValue == name?.rawValue
    }

    private mutating func explain(_ error: YamlError) {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let position = Position(line: mark.line, column: mark.column)
            if problem == "found undefined alias" {
                faults.add(position, nil, Self.noAliases)
            } else if problem.hasPrefix("Maximum nesting") || context?.text.hasPrefix("Maximum nesting") == true {
                faults.add(position, nil, "nested deeper than \(Self.deepest) levels")
            } else if problem == "but found another document" {
                faults.add(position, nil, "expected one document, found a second one after ---")
            } else {
                faults.add(position, nil, "not YAML: \(problem)\(Self.told(context))\(hint(for: mark, context?.mark))")
            }
        case .reader(let problem, let offset, _, let yaml):
            let before = yaml.prefix(offset ?? 0)
            let lines = before.split(separator: "\n", omittingEmptySubsequences: false)
            let column = (lines.last?.unicodeScalars.count ?? 0) + 1
            faults.add(Position(line: max(1, lines.count), column: column), nil, "not YAML: \(problem)")
        case .duplicatedKeysInMapping(let names, let context):
            let name = names.first.map { quoted(text?.restored($0) ?? $0) } ?? "a key"
            faults.add(
                Position(line: context.mark.line, column: context.mark.column), nil, "\(name) is given twice in one map"
            )
        default:
            faults.add(Position(line: 1, column: 1), nil, "not YAML: \(error)")
        }
    }

    private static func told(_ context: YamlError.Context?) -> String {
        guard let context else { return "" }
        return " (\(context.text), line \(context.mark.line))"
    }

    private func hint(for marks: Mark?...) -> String {
        guard let text else { return "" }
        let lines = Set(marks.compactMap { $0?.line }.flatMap { [$0, max(1, $0 - 1)] })
        if lines.contains(where: { text.hasAnchor(inLine: $0) }) { return "; \(Self.noAliases)" }
        if lines.contains(where: { text.hasLongKey(inLine: $0) }) { return "; \(Self.noLongKeys)" }
        if lines.contains(where: { text.line($0).prefix { $0 == " " || $0 == "\t" }.contains("\t") }) {
            return "; indent with spaces, not tabs"
        }
        return ""
    }
}
