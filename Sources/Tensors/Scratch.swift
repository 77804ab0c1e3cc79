import Locks

/// Memory for packed rows and widened weights, kept from one product to the next.
enum Scratch {
    private static let shelf = Locked<[Tensor]>([])
    /// Elements that are kept: those of a vision transformer's widest layer for eight pictures, and some more.
    private static let most = 1 << 23

    /// A piece of at least `floats` elements with unknown content: the smallest that there is.
    static func borrow(floats: Int) -> Tensor {
        let found: Tensor? = shelf.withLock { shelf in
            var best: Int?
            for i in shelf.indices where shelf[i].count >= floats {
                if best.map({ shelf[i].count < shelf[$0].count }) ?? true { best = i }
            }
            return best.map { shelf.remove(at: $0) }
        }
        return found ?? Tensor(max(floats, 1 << 16))
    }

    static func giveBack(_ piece: Tensor) {
        shelf.withLock { shelf in
            shelf.append(piece)
            while shelf.reduce(0, { $0 + $1.count }) > most { shelf.removeFirst() }
        }
    }
}
