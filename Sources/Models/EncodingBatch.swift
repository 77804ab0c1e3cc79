import Locks
import Tensors

/// Lets several threads look at pictures with one encoder at the same time: what waits while it computes goes through the
/// weights together next. Nobody waits for company.
public final class EncodingBatch: Sendable {
    private final class Wish: @unchecked Sendable {
        let pixels: Tensor
        // Guarded by the monitor.
        var result: Result<[Tensor], ModelError>?

        init(_ pixels: Tensor) { self.pixels = pixels }
    }

    private struct Desk {
        var isBusy = false
        var wishes: [Wish] = []
    }

    private let vision: VisionTransformer
    private let blocks: [Int]
    private let most: Int
    private let desk = Monitor(Desk())

    /// - Parameters:
    ///   - blocks: whose features are wanted besides the last one's, as in `VisionTransformer.forward(_:with:)`.
    ///   - most: the most pictures together.
    public init(_ vision: VisionTransformer, with blocks: [Int], most: Int) {
        (self.vision, self.blocks, self.most) = (vision, blocks, max(1, most))
    }

    /// The features of one picture, as `VisionTransformer.forward(_:with:)` gives them, whatever is beside it. The pictures of
    /// all threads have one size.
    public func features(of pixels: Tensor) throws(ModelError) -> [Tensor] {
        let wish = Wish(pixels)
        desk.change { $0.wishes.append(wish) }
        while true {
            let mine = desk.wait { [most] desk -> [Wish]? in
                if wish.result != nil { return [] }
                if desk.isBusy { return nil }
                desk.isBusy = true
                defer { desk.wishes.removeFirst(min(most, desk.wishes.count)) }
                return Array(desk.wishes.prefix(most))
            }
            if let result = wish.result { return try result.get() }
            let results: [Result<[Tensor], ModelError>]
            do throws(ModelError) {
                results = try vision.forward(batch: mine.map(\.pixels), with: blocks).map { .success($0) }
            } catch {
                results = mine.map { _ in .failure(error) }
            }
            desk.change { desk in
                for (wish, result) in zip(mine, results) { wish.result = result }
                desk.isBusy = false
            }
        }
    }
}
