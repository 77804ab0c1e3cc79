import Testing

@testable import Pictures

@Suite struct DecodingTests {
    /// Every format and colour kind gives the pixels that Pillow gives.
    @Test(arguments: Fixture.names)
    func pixels(name: String) throws {
        let picture = try Picture.load(path: Fixture.path(name))
        #expect(picture.width == Fixture.width)
        #expect(picture.height == Fixture.height)
        // Other builds of libjpeg and libwebp may round otherwise.
        let lossy = name.hasSuffix(".jpg") || name == "webp-lossy.webp"
        let difference = Fixture.largestDifference(picture.rgb, try Fixture.expected(name))
        #expect(difference <= (name.hasPrefix("orientation") && lossy ? 8 : lossy ? 3 : 0))
    }

    @Test func thereAreFixtures() { #expect(Fixture.names.count > 60) }

    @Test(arguments: 1...8, ["jpg", "png", "tif", "webp"])
    func orientation(number: Int, ending: String) throws {
        let facts = try Picture.load(path: Fixture.path("orientation-\(number).\(ending)")).facts
        #expect(facts.orientation == number)
        #expect(facts.width == Fixture.width && facts.height == Fixture.height)
    }

    @Test(arguments: [("pages.tif", 3), ("frames.gif", 3), ("frames-webp.webp", 2), ("still.gif", 1), ("rgb.png", 1)])
    func pages(name: String, pages: Int) throws {
        #expect(try Picture.load(path: Fixture.path(name)).facts.pages == pages)
    }

    @Test(arguments: [
        ("rgb.png", PictureFormat.png), ("rgb.bmp", .bmp), ("rgb.ppm", .pnm), ("rgb-raw.tif", .tiff),
        ("jpeg.jpg", .jpeg), ("still.gif", .gif), ("webp-lossy.webp", .webp),
    ])
    func format(name: String, format: PictureFormat) throws {
        #expect(try Picture.load(bytes: Fixture.bytes(name)).facts.format == format)
    }

    /// Both byte orders, a LONG instead of a SHORT, and every malformed block is upright.
    @Test func exif() throws {
        func orientation(_ tiff: [UInt8]) -> Int {
            EXIFOrientation.read(ByteReader(tiff), at: 0, length: tiff.count)
        }
        let big: [UInt8] = [0x4D, 0x4D, 0, 0x2A, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0]
        let little: [UInt8] = [0x49, 0x49, 0x2A, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 4, 0, 1, 0, 0, 0, 8, 0, 0, 0]
        #expect(orientation(big) == 6)
        #expect(orientation(little) == 8)
        for length in 0..<big.count { #expect(orientation(Array(big[..<length])) == 1) }
        for (offset, value) in [(19, 9), (19, 0), (7, 200), (4, 0xFF), (0, 0x4E), (13, 7), (17, 2)] {
            var broken = big
            broken[offset] = UInt8(value)
            #expect(orientation(broken) == 1)
        }
    }

    @Test(arguments: [
        ("P1 3 2 1 0 1\n010", [0, 255, 0, 255, 0, 255]), ("P2 # grey\n2 1 10 0 10", [0, 255]),
        ("P2 2 1 1000 500 1000", [128, 255]), ("P2\n1 1\n3\n 2", [170]),
    ])
    func writtenSamples(text: String, grey: [UInt8]) throws {
        let picture = try Picture.load(bytes: Array(text.utf8))
        #expect(stride(from: 0, to: picture.rgb.count, by: 3).map { picture.rgb[$0] } == grey)
    }

    @Test func pamWithAlpha() throws {
        let head = "P7\nWIDTH 2\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
        let picture = try Picture.load(bytes: Array(head.utf8) + [10, 20, 30, 255, 0, 0, 0, 0])
        #expect(picture.rgb == [10, 20, 30, 255, 255, 255])
    }
}
