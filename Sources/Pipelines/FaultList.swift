/// Collects faults while a file is read, so that all of them are shown together.
struct FaultList {
    let file: String
    private(set) var faults: [Fault] = []

    init(file: String) { self.file = file }

    mutating func add(_ position: Position, _ key: String? = nil, _ message: String) {
        guard let line = position.line else {
            faults.append(Fault(file: "--set", key: key, message: message))
            return
        }
        faults.append(Fault(file: file, line: line, column: position.column, key: key, message: message))
    }

    func check() throws(Faults) {
        if !faults.isEmpty { throw Faults(faults: faults) }
    }
}
