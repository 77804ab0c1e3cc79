extension Pipeline {
    public static func read(_ text: String, file: String) throws(Faults) -> Pipeline {
        throw Faults(faults: [Fault(file: file, message: "not written yet")])
    }
    public func bound(to descriptions: [String: ExpertDescription]) throws(Faults) -> BoundPipeline {
        throw Faults(faults: [Fault(file: file, message: "not written yet")])
    }
    public func setting(_ assignments: [String]) throws(Faults) -> Pipeline { self }
    public func without(_ names: [String]) throws(Faults) -> Pipeline { self }
}
