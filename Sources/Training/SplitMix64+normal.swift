import Glibc
import Models

extension SplitMix64 {
    public init(_ seed: UInt64) { self.init(seed: seed) }

    /// Normally distributed, mean 0, deviation 1 (Box and Muller).
    mutating func normal() -> Float {
        // Half a step up: the logarithm of 0 is none.
        let radius = (-2 * log(unit() + 0x1p-54)).squareRoot()
        return Float(radius * cos(2 * .pi * unit()))
    }
}
