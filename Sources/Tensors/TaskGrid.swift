/// Tasks of a product of rows of x with rows of weights: bands of weights by ranges of rows.
struct TaskGrid {
    private let rows: Int
    private let weights: Int
    private let rangeSize: Int
    private let bandSize: Int
    private let bands: Int
    let tasks: Int

    /// - Parameters:
    ///   - rangeSize: rows of x of one task, at least 1.
    ///   - bandSize: weights of one task, at least 1.
    init(rows: Int, by weights: Int, rangeSize: Int, bandSize: Int) {
        (self.rows, self.weights, self.rangeSize, self.bandSize) = (rows, weights, rangeSize, bandSize)
        bands = Self.parts(weights, bandSize)
        tasks = bands * Self.parts(rows, rangeSize)
    }

    /// For packed rows: about as many rows of x as of weights, so that a core reads little for what it multiplies and keeps it
    /// in its cache; more rows where weights must be widened for each task.
    static func packed(rows: Int, by weights: Int, columns: Int, isFloat: Bool, threads: Int) -> TaskGrid {
        let panels = parts(rows, PackedRows.panel)
        let most = max(1, (isFloat ? Kernels.table.pointee.gemm.range : 576) / PackedRows.panel)
        let range = max(1, parts(panels, max(1, parts(panels, most)))) * PackedRows.panel
        var band = isFloat ? 192 : max(32, min(192, (1 << 18) / max(1, columns) / 16 * 16))
        // Several for each thread: one whose core another machine's work slows takes fewer.
        let wanted = threads == 1 ? 1 : 4 * threads
        if parts(weights, band) * parts(rows, range) < wanted {
            band = max(32, parts(parts(weights * parts(rows, range), wanted), 16) * 16)
        }
        return TaskGrid(rows: rows, by: weights, rangeSize: range, bandSize: band)
    }

    /// The weights and the rows of a task. Tasks that follow one another have the same rows.
    func task(_ number: Int) -> (weights: Range<Int>, rows: Range<Int>) {
        let (range, band) = number.quotientAndRemainder(dividingBy: bands)
        let (first, start) = (band * bandSize, range * rangeSize)
        return (first..<min(first + bandSize, weights), start..<min(start + rangeSize, rows))
    }

    /// Pieces of `size` that `count` make, the last one perhaps smaller.
    private static func parts(_ count: Int, _ size: Int) -> Int { (count + size - 1) / size }
}
