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

    /// The features with a share of their columns zero, the same in all rows, and the others larger by as much (dropout,
    /// arXiv 1207.0580): what is learned of a picture must not hang on a few numbers. The features as they are for 0.
    public func droppingColumns(_ share: Float, _ random: inout SplitMix64) -> Tensor {
        guard share > 0 else { return self }
        let factors = (0..<columns).map { _ in Float(random.unit()) < share ? 0 : 1 / (1 - share) }
        let kept = Tensor(rows, columns)
        for i in 0..<rows { Math.multiply(row(i), factors, kept.row(i), columns) }
        return kept
    }
}
