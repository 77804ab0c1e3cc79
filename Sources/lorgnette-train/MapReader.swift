import Pipelines

/// Reads a map of settings with known keys, and collects every fault with its line.
struct MapReader {
    private let settings: [Setting]
    private let path: String
    private let position: Position
    private(set) var faults: FaultList
    private var known: [String] = []

    init(_ settings: [Setting], path: String, at position: Position, faults: FaultList) {
        (self.settings, self.path, self.position, self.faults) = (settings, path, position, faults)
    }

    mutating func text(_ key: String) -> String? {
        take(key, "text") { $0.text }
    }

    mutating func bool(_ key: String) -> Bool? {
        take(key, "true or false") { $0.bool }
    }

    mutating func integer(_ key: String, _ range: ClosedRange<Int>) -> Int? {
        take(key, "a whole number from \(range.lowerBound) to \(range.upperBound)") { value in
            value.integer.flatMap { range.contains($0) ? $0 : nil }
        }
    }

    mutating func number(_ key: String, _ range: ClosedRange<Double>) -> Float? {
        take(key, "a number from \(range.lowerBound) to \(range.upperBound)") { value in
            value.number.flatMap { range.contains($0) ? Float($0) : nil }
        }
    }

    mutating func choice<Choice: CaseIterable & RawRepresentable>(_ key: String) -> Choice?
    where Choice.RawValue == String {
        let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        return take(key, "one of \(names)") { $0.text.flatMap { Choice(rawValue: $0) } }
    }

    /// A list of words, or one word alone.
    mutating func texts(_ key: String) -> [String]? {
        take(key, "a list of texts") { value in
            if let text = value.text { return [text] }
            guard case .list(let items) = value.content else { return nil }
            let texts = items.compactMap(\.text)
            return texts.count == items.count ? texts : nil
        }
    }

    /// What `read` makes of the map under `key`; nil if there is none.
    mutating func map<Value>(_ key: String, _ read: (inout MapReader) -> Value) -> Value? {
        known.append(key)
        guard let setting = settings.first(where: { $0.key == key }) else { return nil }
        guard case .map(let inner) = setting.value.content else {
            faults.add(setting.value.position, path + key, "expected a map, found \(setting.value.found)")
            return nil
        }
        var reader = MapReader(inner, path: "\(path)\(key).", at: setting.position, faults: faults)
        let value = read(&reader)
        reader.refuseTheRest()
        faults = reader.faults
        return value
    }

    func has(_ key: String) -> Bool { settings.contains { $0.key == key } }

    /// A fault of what the map says as a whole.
    mutating func fault(_ key: String, _ message: String) {
        let place = settings.first { $0.key == key }?.position ?? position
        faults.add(place, path + key, message)
    }

    mutating func refuseTheRest() {
        for setting in settings where !known.contains(setting.key) {
            faults.add(
                setting.position, path + setting.key, "unknown key\(NearestName.hint(setting.key, among: known))")
        }
    }

    private mutating func take<Value>(_ key: String, _ expected: String, _ read: (Written) -> Value?) -> Value? {
        known.append(key)
        guard let setting = settings.first(where: { $0.key == key }) else { return nil }
        if let value = read(setting.value) { return value }
        faults.add(setting.value.position, path + key, "expected \(expected), found \(setting.value.found)")
        return nil
    }
}
