/// The rows of a picture as they are decoded, reduced on the way, so that a large one is never whole in memory. Each pixel is
/// the mean of a square of `step` × `step`, of less at the right and lower edge.
final class ReducedRows {
    /// Of the reduced picture, in pixels.
    let width, height: Int
    private let full: (width: Int, height: Int)
    private let step: Int
    private let row: (Int, UnsafeMutablePointer<UInt8>) -> Void
    private var line: [UInt8] = []
    private var sums: [UInt32] = []

    /// - Parameters:
    ///   - width: pixels of a whole row
    ///   - row: writes row y as RGB, `width` · 3 bytes; rows are asked for in order
    init(width: Int, height: Int, step: Int, row: @escaping (Int, UnsafeMutablePointer<UInt8>) -> Void) {
        full = (width, height)
        self.step = step
        self.row = row
        self.width = Self.side(width, step)
        self.height = Self.side(height, step)
        guard step > 1 else { return }
        line = [UInt8](repeating: 0, count: 3 * width)
        sums = [UInt32](repeating: 0, count: 3 * self.width)
    }

    /// Pixels of a side after reduction.
    static func side(_ length: Int, _ step: Int) -> Int { (length + step - 1) / step }

    /// - Returns: the pixels [height, width, 3], turned as EXIF says
    func upright(_ orientation: Int = 1) -> [UInt8] {
        UprightPixels.assemble(width: width, height: height, orientation: orientation, row: read)
    }

    private func read(_ y: Int, into rgb: UnsafeMutablePointer<UInt8>) {
        guard step > 1 else { return row(y, rgb) }
        for i in sums.indices { sums[i] = 0 }
        let rows = min(step, full.height - y * step)
        line.withUnsafeMutableBufferPointer { line in
            sums.withUnsafeMutableBufferPointer { sums in
                for offset in 0..<rows {
                    row(y * step + offset, line.baseAddress!)
                    for x in 0..<full.width {
                        let to = 3 * (x / step)
                        sums[to] += UInt32(line[3 * x])
                        sums[to + 1] += UInt32(line[3 * x + 1])
                        sums[to + 2] += UInt32(line[3 * x + 2])
                    }
                }
            }
        }
        for x in 0..<width {
            let count = UInt32(rows * min(step, full.width - x * step))
            for channel in 3 * x..<3 * x + 3 { rgb[channel] = UInt8((sums[channel] + count / 2) / count) }
        }
    }
}
