import Testing

@testable import Pictures

/// Pictures too large for the memory that decoding may take: reduced while they are decoded, or refused.
@Suite struct ReductionTests {
    /// A bitmap of 203 × 101: 2.6 kB that become 61 kB.
    private static let bitmap: [UInt8] = {
        var random = SeededGenerator(seed: 5)
        return Array("P4 203 101\n".utf8) + (0..<26 * 101).map { _ in UInt8.random(in: 0...255, using: &random) }
    }()

    @Test func eachPixelIsTheMeanOfASquare() throws {
        let whole = try Picture.load(bytes: Self.bitmap)
        let small = try Picture.load(bytes: Self.bitmap, limits: PictureLimits(memory: 1000))
        #expect(whole.facts.reduction == 1)
        let step = small.facts.reduction
        #expect(step == 4)
        #expect(small.facts.width == 203 && small.facts.height == 101)
        #expect(small.width == 51 && small.height == 26)
        for y in 0..<small.height {
            for x in 0..<small.width {
                let rows = y * step..<min(101, (y + 1) * step)
                let columns = x * step..<min(203, (x + 1) * step)
                let samples = rows.flatMap { row in columns.map { Int(whole.rgb[3 * (row * 203 + $0)]) } }
                let mean = (samples.reduce(0, +) + samples.count / 2) / samples.count
                #expect(small.rgb[3 * (y * small.width + x)] == UInt8(mean))
            }
        }
    }

    @Test(arguments: 1...8) func jpegsAreReducedByTheirDecoderAndTurned(orientation: Int) throws {
        let bytes = try Fixture.bytes("orientation-\(orientation).jpg")
        let header = try PictureHeader.read(bytes, format: .jpeg, limits: .default)
        // Room for a quarter of the picture and no more.
        let memory = bytes.count + header.cost.peak(area: 21 * 13, pixels: 21 * 13 / 4) - 8 * bytes.count
        let picture = try Picture.load(bytes: bytes, limits: PictureLimits(memory: memory))
        #expect(picture.facts.reduction >= 2)
        #expect(picture.width == ReducedRows.side(21, picture.facts.reduction))
        #expect(picture.height == ReducedRows.side(13, picture.facts.reduction))
        #expect(picture.facts.width == 21 && picture.facts.height == 13)
    }

    /// What a decoder cannot reduce must fit as a whole.
    @Test func whatCannotBeReducedEnoughIsRefused() throws {
        let bytes = try Fixture.bytes("rgb.png")
        let memory = bytes.count - 8 * bytes.count
        #expect { try Picture.load(bytes: bytes, name: "x", limits: PictureLimits(memory: memory)) } throws: { error in
            (error as? PictureError)?.code == "too_large" && "\(error)".contains("LORGNETTE_PICTURE_MEMORY")
        }
    }

    /// Bits a pixel at the peak: what decides about a bomb.
    @Test(arguments: [
        ("rgb.png", 56), ("grey-png.png", 32), ("bit-png.png", 25), ("rgba-png.png", 64), ("jpeg.jpg", 56),
        ("jpeg-progressive.jpg", 56), ("jpeg-cmyk.jpg", 56), ("jpeg-grey.jpg", 32), ("rgb-raw.tif", 88), ("grey-tif.tif", 32),
        ("still.gif", 32),
        ("webp-lossy.webp", 56), ("rgb-lossless.webp", 68), ("rgb.bmp", 24), ("rgb.ppm", 24),
    ])
    func cost(name: String, bits: Int) throws {
        let bytes = try Fixture.bytes(name)
        let format = try #require(PictureFormat(sniffing: bytes))
        let header = try PictureHeader.read(bytes, format: format, limits: .default)
        #expect(header.cost.peak(area: 800, pixels: 800) == bits * 100)
    }
}
