import Tensors

/// Memory of a training step, used again by the next one: tensors are handed out in order and all taken back at once.
final class Workspace {
    /// How far each shelf is in use.
    struct Mark { fileprivate let used: [Int: Int] }

    private var shelves: [Int: [Tensor]] = [:]
    private var used: [Int: Int] = [:]

    /// A tensor of at least `rows` rows and exactly `columns` columns, with unknown content.
    func tensor(_ rows: Int, _ columns: Int) -> Tensor {
        let index = used[columns, default: 0]
        used[columns] = index + 1
        var shelf = shelves[columns, default: []]
        if index < shelf.count, shelf[index].rows >= rows { return shelf[index] }
        // Batches differ a little in size: some room to spare saves a new piece for each of them.
        let piece = Tensor(max(1, rows + rows / 8), columns)
        if index < shelf.count { shelf[index] = piece } else { shelf.append(piece) }
        shelves[columns] = shelf
        return piece
    }

    /// The same with zeros in the first `rows` rows.
    func zeros(_ rows: Int, _ columns: Int) -> Tensor {
        let piece = tensor(rows, columns)
        piece.data.update(repeating: 0, count: rows * columns)
        return piece
    }

    func mark() -> Mark { Mark(used: used) }

    /// Takes back what was handed out since the mark.
    func release(to mark: Mark) { used = mark.used }

    /// Takes back everything.
    func reset() { used = [:] }
}
