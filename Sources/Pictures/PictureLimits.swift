import Glibc

/// What a file may ask for; checked against the file's size and its header before anything is decoded.
public struct PictureLimits: Sendable, Equatable {
    /// Bytes of the file. 512 MiB by default.
    public var bytes: Int
    /// Width times height. 200 million by default: an A0 sheet at 300 DPI (139 million) passes, a bomb does not.
    public var pixels: Int
    /// The longer side, in pixels. 100,000 by default.
    public var side: Int
    /// Bytes that decoding may take at its peak, besides eight for each of the file: a large file may become a large
    /// picture, a small one that does is a bomb. 320 MB by default; LORGNETTE_PICTURE_MEMORY sets it in MB.
    public var memory: Int

    public init(
        bytes: Int = 512 << 20, pixels: Int = 200_000_000, side: Int = 100_000, memory: Int = Self.usualMemory
    ) {
        self.bytes = bytes
        self.pixels = pixels
        self.side = side
        self.memory = memory
    }

    public static let usualMemory: Int = {
        let wanted = getenv("LORGNETTE_PICTURE_MEMORY").flatMap { Int(String(cString: $0)) } ?? 0
        return ((1...1_000_000).contains(wanted) ? wanted : 320) * 1_000_000
    }()

    public static let `default` = PictureLimits()

    /// The decoder cannot hold 2^31 bytes in one picture, whatever the other limits say: 4 bytes a pixel.
    static let decodedBytes = Int(Int32.max)

    /// Refuses a picture of `width` × `height` stored pixels that is over a limit.
    func check(width: Int, height: Int) throws(PictureFault) {
        guard width > 0, height > 0 else { throw .corrupt("its header says \(width)×\(height) pixels") }
        guard width <= side, height <= side else {
            throw .tooLarge(limit: "\(side) pixels a side", found: "\(width)×\(height) pixels")
        }
        let (area, overflow) = width.multipliedReportingOverflow(by: height)
        guard !overflow, area <= pixels else {
            throw .tooLarge(limit: "\(pixels) pixels", found: "\(width)×\(height) pixels")
        }
        guard area <= Self.decodedBytes / 4 else {
            throw .tooLarge(limit: "\(Self.decodedBytes) decoded bytes", found: "\(area) pixels of 4 bytes")
        }
    }

    /// By how much each side must be reduced while the picture is decoded, so that it stays within `memory`: 1, 2, 4 or 8.
    /// - Parameter bytes: the file's
    func step(for header: PictureHeader, bytes: Int) throws(PictureFault) -> Int {
        let area = header.width * header.height
        let held = bytes + (header.decodable?.count ?? 0)
        let room = memory + 8 * bytes
        var least = Int.max
        for step in [1, 2, 4, 8] {
            let pixels = area / (step * step)
            let need = held + header.cost.peak(area: area, pixels: pixels)
            least = min(least, need)
            // The picture stays while an expert works on it, so it alone may not take everything.
            if need <= room, 3 * pixels <= room / 3 { return step }
        }
        throw .tooLarge(
            limit: "\(room / 1_000_000) MB of memory for decoding it (LORGNETTE_PICTURE_MEMORY)",
            found: "\(header.width)×\(header.height) pixels, which take \(least / 1_000_000) MB")
    }
}
