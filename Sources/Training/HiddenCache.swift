import Tensors

/// Hidden states below the layers that an adapter touches: they depend on the words alone and stay the same for a whole
/// run, so each text goes through those layers once.
///
/// Used only where a row's result does not depend on the rows beside it (`NarrowMatrix`): else an interrupted run, which
/// begins with an empty cache, would go on with other roundings.
final class HiddenCache {
    /// Bytes that are kept at most; what goes beyond is computed each time.
    private let limit: Int
    private var size = 0
    private var states: [[Int]: Tensor] = [:]

    init(limit: Int = 4 << 30) { self.limit = limit }

    /// The hidden states of a batch's rows, [T, D], into `x`; `compute` gives those of examples that are not here, which
    /// are kept or not.
    func fill(_ x: Tensor, _ examples: [Example], keeping: Bool, compute: ([Example]) -> (Tensor, Batch)) {
        var fresh: [[Int]: Tensor] = [:]
        let missing = examples.compactMap { example -> Example? in
            var part = example
            part.features = nil
            part.continuations = example.continuations.filter { $0.count > 1 && states[Self.key(example, $0)] == nil }
            return part.continuations.isEmpty && states[example.prompt] != nil ? nil : part
        }
        if !missing.isEmpty {
            let (computed, batch) = compute(missing)
            for (example, laid) in zip(missing, batch.examples) {
                for (key, segment) in zip(Self.keys(example), laid.segments) {
                    let rows = Tensor(segment.rows, x.columns)
                    rows.data.update(from: computed.row(segment.start), count: rows.count)
                    fresh[key] = rows
                }
            }
        }
        var row = 0
        for example in examples {
            for key in Self.keys(example) {
                guard let rows = states[key] ?? fresh[key] else { continue }
                x.row(row).update(from: rows.data, count: rows.count)
                row += rows.rows
            }
        }
        for (key, rows) in fresh where keeping && states[key] == nil && size + rows.count * 4 <= limit {
            states[key] = rows
            size += rows.count * 4
        }
    }

    /// What an example's segments are known by, in the order of `Batch`: the prompt, then each continuation behind it.
    private static func keys(_ example: Example) -> [[Int]] {
        [example.prompt] + example.continuations.filter { $0.count > 1 }.map { key(example, $0) }
    }

    private static func key(_ example: Example, _ continuation: [Int]) -> [Int] {
        example.prompt + continuation.dropLast()
    }
}
