import Models
import Tensors

extension Tensor {
    /// `count` of the features [N, C], the first (the whole picture's) among them, the others by chance: what a picture
    /// shows does not hang on any one patch, and a model that never sees the same selection twice learns no picture by
    /// heart.
    public func someFeatures(_ count: Int, _ random: inout SplitMix64) -> Tensor {
        guard count > 0, count < rows else { return self }
        let chosen = [0] + (1..<rows).shuffled(using: &random).prefix(count - 1)
        let part = Tensor(count, columns)
        for (i, row) in chosen.enumerated() { part.row(i).update(from: self.row(row), count: columns) }
        return part
    }
}
