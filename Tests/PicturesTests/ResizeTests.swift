import Foundation
import Testing

@testable import Pictures

@Suite struct ResizeTests {
    /// Pictures whose preprocessing has golden numbers.
    static let golden = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../shared/fixtures")
        .standardizedFileURL
    static let hasGolden = FileManager.default.fileExists(atPath: golden.path() + "/clip-openai/expected.safetensors")

    // Skipped where ../shared/fixtures is absent; the committed sizes below are then the only check of the resampler.
    @Test(.enabled(if: hasGolden, "no ../shared/fixtures"))
    func openAI() throws {
        let folder = Self.golden.appending(path: "clip-openai")
        let expected = try Safetensors(folder.appending(path: "expected.safetensors"))
        let picture = try Picture.load(path: folder.appending(path: "photo.png").path())
        let small = picture.resized(shorterSide: 56, crop: 56, rounding: .halfEven)
        #expect(small.rgb == expected.bytes("image.u8"))
        let floats = PixelNormalisation.clip.apply(small)
        let golden = expected.floats("image.rgb")
        #expect(golden.count == 3 * 56 * 56)
        #expect(zip(floats, golden).allSatisfy { abs($0 - $1) <= 1e-6 })
        // The same picture as JPEG: decoders may round otherwise.
        let jpeg = try Picture.load(path: folder.appending(path: "photo.jpg").path())
        let fromJPEG = PixelNormalisation.clip.apply(jpeg.resized(shorterSide: 56, crop: 56))
        #expect(zip(fromJPEG, expected.floats("image.jpg")).allSatisfy { abs($0 - $1) <= 0.05 })
    }

    @Test(.enabled(if: hasGolden, "no ../shared/fixtures"))
    func huggingFace() throws {
        let folder = Self.golden.appending(path: "clip-hf")
        let expected = try Safetensors(folder.appending(path: "expected.safetensors"))
        let picture = try Picture.load(path: folder.appending(path: "photo.png").path())
        let small = picture.resized(shorterSide: 56, crop: 56, rounding: .floor)
        let golden = expected.floats("pixel_values")
        #expect(golden.count == 3 * 56 * 56)
        #expect(zip(PixelNormalisation.clip.apply(small), golden).allSatisfy { abs($0 - $1) <= 1e-5 })
    }

    /// Pillow's bytes for the scene at sizes up, down and mixed; `resize.bin` is made by `make.py`.
    @Test func pillow() throws {
        let scene = Picture(width: Fixture.width, height: Fixture.height, rgb: try Fixture.bytes("scene.rgb"))
        let packed = try Data(contentsOf: Fixture.folder.appending(path: "resize.bin"))
        var bytes = [UInt8](packed)[...]
        var sizes = 0
        while bytes.count > 2 {
            let (width, height) = (Int(bytes.removeFirst()), Int(bytes.removeFirst()))
            let expected = Array(bytes.prefix(width * height * 3))
            bytes = bytes.dropFirst(width * height * 3)
            #expect(scene.resized(width: width, height: height).rgb == expected, "\(width)×\(height)")
            sizes += 1
        }
        #expect(sizes > 10)
    }

    /// A window of a resize is the same pixels as a crop of the whole resize.
    @Test(arguments: [(37, 91), (91, 37), (40, 40), (5, 60)])
    func window(width: Int, height: Int) {
        let picture = Fixture.noise(width: width, height: height, seed: 7)
        let side = 33
        let longer = side * max(width, height) / min(width, height)
        let whole = width <= height ? picture.resized(width: side, height: longer) : picture.resized(width: longer, height: side)
        for rounding in [Picture.CropRounding.halfEven, .floor] {
            let direct = picture.resized(shorterSide: side, crop: 20, rounding: rounding)
            #expect(direct == whole.centreCropped(width: 20, height: 20, rounding: rounding))
        }
    }

    @Test func cropOffsets() {
        #expect(Picture.CropRounding.halfEven.offset(of: 56, in: 87) == 16)
        #expect(Picture.CropRounding.floor.offset(of: 56, in: 87) == 15)
        #expect(Picture.CropRounding.halfEven.offset(of: 56, in: 89) == 16)
    }

    /// A picture of one pixel's width must not ask for millions of resized rows.
    @Test(arguments: [(1, 1), (1, 100_000), (100_000, 1), (3, 2)])
    func extremeAspect(width: Int, height: Int) {
        let picture = Picture(width: width, height: height, rgb: [UInt8](repeating: 77, count: width * height * 3))
        let small = picture.resized(shorterSide: 224, crop: 224)
        #expect(small.width == 224 && small.height == 224)
        #expect(small.rgb.allSatisfy { $0 == 77 })
        #expect(picture.resized(width: 224, height: 224).rgb.allSatisfy { $0 == 77 })
    }

    @Test func sameSizeIsTheSame() {
        let picture = Fixture.noise(width: 17, height: 9, seed: 1)
        #expect(picture.resized(width: 17, height: 9) == picture)
        #expect(
            picture.cropped(x: 3, y: 2, width: 1, height: 1).rgb == Array(picture.rgb[(3 * (2 * 17 + 3))..<(3 * (2 * 17 + 4))]))
    }
}

/// Enough of safetensors to read golden tensors.
struct Safetensors {
    private let data: Data
    private let header: [String: Any]
    private let start: Int

    init(_ url: URL) throws {
        data = try Data(contentsOf: url)
        let length = data.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        start = 8 + length
        header = try JSONSerialization.jsonObject(with: data[8..<start]) as? [String: Any] ?? [:]
    }

    func bytes(_ name: String) -> [UInt8] {
        guard let entry = header[name] as? [String: Any], let range = entry["data_offsets"] as? [Int] else { return [] }
        return [UInt8](data[start + range[0]..<start + range[1]])
    }

    func floats(_ name: String) -> [Float] {
        bytes(name).withUnsafeBytes { raw in
            (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
    }
}
