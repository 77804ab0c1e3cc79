import Checkpoints

/// A JSON file of a model's sizes and constants, read with errors that name file and key.
struct ConfigurationFile {
    let file: String
    let root: JSONValue
    /// The object inside `root` whose members are read: "" for the root itself.
    let section: String
    private let members: JSONValue

    init(_ root: JSONValue, file: String, section: String = "") {
        self.root = root
        self.file = file
        self.section = section
        members = section.isEmpty ? root : root[section] ?? .null
    }

    init(path: String) throws(CheckpointError) {
        self.init(try JSONValue(path: path), file: path)
    }

    /// The object of that name inside this one.
    func inside(_ section: String) -> ConfigurationFile { ConfigurationFile(root, file: file, section: section) }

    /// The value of a key; nil where there is none or it is null.
    subscript(key: String) -> JSONValue? { members[key].flatMap { $0.isNull ? nil : $0 } }

    func fault(_ key: String, _ expected: String, _ found: String) -> ModelError {
        .configuration(
            file: file, key: section.isEmpty ? key : "\(section).\(key)", expected: expected, found: found)
    }

    /// A whole number from 1 to `most`.
    func count(_ key: String, most: Int, fallback: Int? = nil) throws(ModelError) -> Int {
        if self[key] == nil, let fallback { return fallback }
        guard let number = self[key]?.int, (1...most).contains(number) else {
            throw fault(key, "a number from 1 to \(most)", self[key]?.kind ?? "none")
        }
        return number
    }

    /// A number above 0.
    func number(_ key: String, fallback: Double? = nil) throws(ModelError) -> Float {
        guard let number = self[key] == nil ? fallback : self[key]?.double, number.isFinite, number > 0,
            Float(number).isFinite
        else { throw fault(key, "a number above 0", self[key]?.kind ?? "none") }
        return Float(number)
    }

    /// A truth value.
    func flag(_ key: String, fallback: Bool) throws(ModelError) -> Bool {
        guard let value = self[key] else { return fallback }
        guard let flag = value.bool else { throw fault(key, "true or false", value.kind) }
        return flag
    }

    /// One of the words that a key may have here.
    func word(_ key: String, of known: [String], fallback: String? = nil) throws(ModelError) -> String {
        guard let word = self[key] == nil ? fallback : self[key]?.string, known.contains(word) else {
            throw fault(key, known.map { "\"\($0)\"" }.joined(separator: " or "), self[key]?.kind ?? "none")
        }
        return word
    }

    /// Throws if a key asks for what is not computed here.
    func refuse(_ key: String, unless allowed: Bool, _ expected: String) throws(ModelError) {
        if !allowed { throw fault(key, expected, self[key]?.kind ?? "none") }
    }
}
