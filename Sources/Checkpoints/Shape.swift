/// Arithmetic on shapes that come from a file.
enum Shape {
    /// The product of the dimensions; nil if one is negative or if the product, zeros left out, overflows.
    static func elements(_ shape: [Int]) -> Int? {
        var product = 1
        for dimension in shape {
            guard dimension >= 0 else { return nil }
            let (next, overflow) = product.multipliedReportingOverflow(by: max(dimension, 1))
            // 16 bytes an element is more than any type has: byte counts of this many elements cannot overflow.
            guard !overflow, next <= Int.max / 16 else { return nil }
            product = next
        }
        return shape.contains(0) ? 0 : product
    }
}
