import Synchronization

/// Memory for widened weights, kept from one product to the next: one piece for each task that runs at the same time.
enum Scratch {
    private static let shelf = Mutex<[Tensor]>([])

    /// A piece of at least `floats` elements with unknown content.
    static func borrow(floats: Int) -> Tensor {
        let found = shelf.withLock { shelf in
            shelf.firstIndex { $0.count >= floats }.map { shelf.remove(at: $0) }
        }
        return found ?? Tensor(max(floats, 1 << 17))
    }

    static func giveBack(_ piece: Tensor) {
        // A piece for a giant row is not worth keeping, nor are more pieces than a machine has threads.
        shelf.withLock { if piece.count <= 1 << 20, $0.count < 256 { $0.append(piece) } }
    }
}
