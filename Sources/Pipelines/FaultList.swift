/// Collects faults while a file is read, so that all of them are shown together.
package struct FaultList {
    package let file: String
    package private(set) var faults: [Fault] = []

    package init(file: String) { self.file = file }

    package mutating func add(_ position: Position, _ key: String? = nil, _ message: String) {
        let key = key.map { visible($0.unicodeScalars.count > 200 ? String($0.prefix(200)) + "…" : $0) }
        let file = position.line == nil ? "--set" : file
        faults.append(
            Fault(file: file, line: position.line, column: position.column, key: key, message: visible(message)))
    }

    package func check() throws(Faults) {
        if !faults.isEmpty { throw Faults(faults: faults) }
    }
}
