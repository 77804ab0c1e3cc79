import Glibc

/// Numbers that a seed fixes (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). Its state is
/// one word, so that a run can be resumed in the middle of it.
public struct SplitMix64: RandomNumberGenerator, Sendable {
    public private(set) var state: UInt64

    public init(_ state: UInt64) { self.state = state }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// Uniform in (0, 1).
    mutating func uniform() -> Double { (Double(next() >> 11) + 0.5) * 0x1p-53 }

    /// Normally distributed, mean 0, deviation 1 (Box and Muller).
    mutating func normal() -> Float {
        let radius = (-2 * log(uniform())).squareRoot()
        return Float(radius * cos(2 * .pi * uniform()))
    }
}
