/// Antialiased bicubic resampling of 8-bit RGB, equal byte for byte to Pillow's up to version 12: the kernel
/// (a = −0.5) is stretched by the scale when shrinking, weights are rounded to 22 fractional bits, rows are resampled
/// first and rounded to bytes, then columns. (Pillow 13 takes columns first where that is less work.)
enum BicubicResampler {
    static let fractionBits = 22

    /// Source pixels and weights for each output pixel along one axis.
    struct Weights {
        /// First source pixel of each output pixel.
        var start: [Int] = []
        /// Source pixels of each output pixel.
        var taps: [Int] = []
        /// `stride` weights for each output pixel, in 2^−22.
        var values: [Int32] = []
        let stride: Int

        /// For the outputs `range` of an axis that is resampled from `from` to `to` pixels.
        init(from: Int, to: Int, range: Range<Int>) {
            let scale = Double(from) / Double(to)
            let stretch = max(scale, 1)
            let support = 2 * stretch
            let unit = Double(1 << BicubicResampler.fractionBits)
            stride = Int(support.rounded(.up)) * 2 + 1
            for output in range {
                let centre = (Double(output) + 0.5) * scale
                let first = max(0, Int(centre - support + 0.5))
                let last = min(from, Int(centre + support + 0.5))
                var weights = (first..<last).map {
                    BicubicResampler.kernel((Double($0) - centre + 0.5) * (1 / stretch))
                }
                let sum = weights.reduce(0, +)
                if sum != 0 { weights = weights.map { $0 / sum } }
                start.append(first)
                taps.append(last - first)
                values += weights.map { Int32($0 * unit + ($0 < 0 ? -0.5 : 0.5)) }
                values += [Int32](repeating: 0, count: stride - weights.count)
            }
        }
    }

    /// Keys' cubic convolution kernel with a = −0.5.
    static func kernel(_ position: Double) -> Double {
        let a = -0.5
        let x = abs(position)
        if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
        return 0
    }

    /// Resamples `rgb` [height, width, 3] to `size`, of which only `window` is computed.
    /// - Returns: [window's height, window's width, 3]
    static func resample(
        _ rgb: [UInt8], width: Int, height: Int, to size: (width: Int, height: Int),
        window: (x: Range<Int>, y: Range<Int>)
    ) -> [UInt8] {
        let columns = Weights(from: width, to: size.width, range: window.x)
        let rows = Weights(from: height, to: size.height, range: window.y)
        // Rows that the columns will look at.
        let first = rows.start.min() ?? 0
        let last = zip(rows.start, rows.taps).map(+).max() ?? 0
        return rgb.withUnsafeBufferPointer { source in
            let from = source.baseAddress! + 3 * first * width
            let across = horizontal(from, width: width, rows: last - first, columns)
            return across.withUnsafeBufferPointer {
                vertical($0.baseAddress!, width: window.x.count, first: first, rows)
            }
        }
    }

    private static func horizontal(
        _ source: UnsafePointer<UInt8>, width: Int, rows: Int, _ columns: Weights
    ) -> [UInt8] {
        let count = columns.start.count
        return [UInt8](unsafeUninitializedCapacity: rows * count * 3) { buffer, initialised in
            initialised = rows * count * 3
            let out = buffer.baseAddress!
            // Two rows at a time: their bytes lie in the halves of one 64-bit word, so that one multiplication
            // serves both. Sums stay under 2^31, so a half never reaches into the other beyond its sign.
            let pair = UnsafeMutablePointer<UInt64>.allocate(capacity: 3 * width)
            defer { pair.deallocate() }
            for y in stride(from: 0, to: rows, by: 2) {
                let upper = source + 3 * y * width
                let lower = y + 1 < rows ? upper + 3 * width : upper
                for i in 0..<3 * width { pair[i] = UInt64(upper[i]) | UInt64(lower[i]) << 32 }
                let upperOut = out + 3 * y * count
                let lowerOut = y + 1 < rows ? upperOut + 3 * count : upperOut
                resamplePair(pair, columns, upperOut, lowerOut)
            }
        }
    }

    private static func resamplePair(
        _ pair: UnsafePointer<UInt64>, _ columns: Weights, _ upper: UnsafeMutablePointer<UInt8>,
        _ lower: UnsafeMutablePointer<UInt8>
    ) {
        columns.values.withUnsafeBufferPointer { values in
            for x in 0..<columns.start.count {
                let weights = values.baseAddress! + x * columns.stride
                var pixel = pair + 3 * columns.start[x]
                var (r, g, b) = (UInt64(0), UInt64(0), UInt64(0))
                for tap in 0..<columns.taps[x] {
                    let weight = UInt64(bitPattern: Int64(weights[tap]))
                    r &+= pixel[0] &* weight
                    g &+= pixel[1] &* weight
                    b &+= pixel[2] &* weight
                    pixel += 3
                }
                store(r, &upper[3 * x], &lower[3 * x])
                store(g, &upper[3 * x + 1], &lower[3 * x + 1])
                store(b, &upper[3 * x + 2], &lower[3 * x + 2])
            }
        }
    }

    @inline(__always)
    private static func store(_ sums: UInt64, _ upper: inout UInt8, _ lower: inout UInt8) {
        let first = Int32(truncatingIfNeeded: sums)
        let second = Int32(truncatingIfNeeded: (Int64(bitPattern: sums) &- Int64(first)) >> 32)
        upper = byte(first)
        lower = byte(second)
    }

    private static func vertical(
        _ source: UnsafePointer<UInt8>, width: Int, first: Int, _ rows: Weights
    ) -> [UInt8] {
        let line = 3 * width
        return [UInt8](unsafeUninitializedCapacity: rows.start.count * line) { buffer, initialised in
            initialised = rows.start.count * line
            let out = buffer.baseAddress!
            let sums = UnsafeMutablePointer<Int32>.allocate(capacity: line)
            defer { sums.deallocate() }
            for y in 0..<rows.start.count {
                sums.update(repeating: 0, count: line)
                for tap in 0..<rows.taps[y] {
                    let weight = rows.values[y * rows.stride + tap]
                    let from = source + (rows.start[y] - first + tap) * line
                    for i in 0..<line { sums[i] &+= Int32(from[i]) &* weight }
                }
                for i in 0..<line { out[y * line + i] = byte(sums[i]) }
            }
        }
    }

    /// A sum in 2^−22 rounded to a byte.
    @inline(__always)
    private static func byte(_ sum: Int32) -> UInt8 {
        UInt8(truncatingIfNeeded: max(0, min(255, (sum &+ 1 << 21) >> 22)))
    }
}
