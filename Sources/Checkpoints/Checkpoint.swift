import Tensors

/// A file of named tensors, mapped and checked.
public protocol Checkpoint: Sendable {
    /// The path it was opened with.
    var file: String { get }
    /// The names of all tensors in the order of the file, those of an unsupported type included.
    var names: [String] { get }
    /// What the file says about itself.
    var metadata: [String: MetadataValue] { get }
    /// The tensor of that name; nil if there is none or its type is not supported.
    func view(_ name: String) -> TensorView?
    /// The tensor of that name, of that shape if one is given; otherwise an error that says what the file has instead.
    func require(_ name: String, shape: [Int]?) throws(CheckpointError) -> TensorView
}

extension Checkpoint {
    /// The tensor of that name, of any shape.
    public func require(_ name: String) throws(CheckpointError) -> TensorView { try require(name, shape: nil) }
}

/// The tensors of one file by name, and why the others are not to be had.
struct TensorDirectory: Sendable {
    let file: String
    private(set) var names: [String] = []
    private var views: [String: TensorView] = [:]
    private var refused: [String: (expected: String, found: String)] = [:]

    init(file: String) { self.file = file }

    mutating func add(_ view: TensorView) throws(CheckpointError) {
        try name(view.name)
        views[view.name] = view
    }

    /// Notes a tensor that the file has in a type that is not read here.
    mutating func refuse(_ name: String, type: String) throws(CheckpointError) {
        let known = ElementType.allCases.map(\.rawValue).joined(separator: ", ")
        try refuse(name, expected: "one of \(known)", found: "type \(type)")
    }

    /// Notes a tensor that the file has in a form that is not read here.
    mutating func refuse(_ name: String, expected: String, found: String) throws(CheckpointError) {
        try self.name(name)
        refused[name] = (expected, found)
    }

    func view(_ name: String) -> TensorView? { views[name] }

    func require(_ name: String, shape: [Int]?) throws(CheckpointError) -> TensorView {
        if let view = views[name] {
            guard let shape, shape != view.shape else { return view }
            throw .malformed(file: file, key: name, expected: "shape \(shape)", found: "shape \(view.shape)")
        }
        if let (expected, found) = refused[name] {
            throw .unsupported(file: file, key: name, expected: expected, found: found)
        }
        throw .missing(file: file, key: name, found: nearest(to: name))
    }

    private mutating func name(_ name: String) throws(CheckpointError) {
        guard views[name] == nil, refused[name] == nil else {
            throw .malformed(file: file, key: name, expected: "each name once", found: "it twice")
        }
        names.append(name)
    }

    private func nearest(to name: String) -> String {
        func common(_ other: String) -> Int { zip(name.utf8, other.utf8).prefix { $0 == $1 }.count }
        guard let best = names.max(by: { common($0) < common($1) }) else { return "no tensors at all" }
        return common(best) > 0 ? "\(names.count) others (nearest: \(best))" : "\(names.count) others (first: \(names[0]))"
    }
}

/// Where tensors lie in a file; two may not share a byte.
struct Layout {
    private var extents: [(name: String, range: Range<Int>)] = []

    mutating func add(_ name: String, _ range: Range<Int>) { extents.append((name, range)) }

    /// Throws if two tensors overlap; with `gapless`, also if bytes between 0 and `end` belong to none.
    mutating func check(file: String, gapless end: Int? = nil) throws(CheckpointError) {
        extents.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
        var reached = 0
        for (name, range) in extents where end != nil || !range.isEmpty {
            guard range.lowerBound >= reached else {
                throw .malformed(
                    file: file, key: name, expected: "data of its own from byte \(reached) on",
                    found: "an overlap with another tensor at byte \(range.lowerBound)")
            }
            if end != nil, range.lowerBound > reached { throw hole(file, reached, range.lowerBound) }
            reached = range.upperBound
        }
        if let end, reached != end { throw hole(file, reached, end) }
    }

    private func hole(_ file: String, _ from: Int, _ to: Int) -> CheckpointError {
        .malformed(
            file: file, key: "data", expected: "tensors that cover all data",
            found: "bytes \(from) to \(to) belong to none")
    }
}
