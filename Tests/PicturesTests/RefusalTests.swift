import Foundation
import Testing

@testable import Pictures

@Suite struct RefusalTests {
    private func code(_ bytes: [UInt8], limits: PictureLimits = .default) -> String {
        do {
            let picture = try Picture.load(bytes: bytes, name: "x", limits: limits)
            return "\(picture.width)x\(picture.height)"
        } catch {
            #expect(error.file == "x")
            #expect(error.description.hasPrefix("x: expected "))
            return error.code
        }
    }

    @Test func nothing() { #expect(code([]) == "empty") }

    @Test(arguments: [
        ("plain words", "not_a_picture"), ("%PDF-1.7 ...", "not_a_picture"), ("<html></html>", "not_a_picture"),
        ("\0\0\0\u{18}ftypheic....", "unsupported"), ("\0\0\0\u{18}ftypavif....", "unsupported"),
        ("\0\0\0\u{18}ftypisom....", "not_a_picture"), ("8BPS....", "unsupported"), ("BM", "not_a_picture"),
        ("P5", "not_a_picture"), ("P5 0 4 255 ", "corrupt"), ("P5 4 -4 255 ", "corrupt"), ("P5 4 4 70000 0", "corrupt"),
        ("GIF89a", "truncated"), ("RIFF....WEBP", "truncated"), ("II*\0", "truncated"),
    ])
    func firstBytes(text: String, expected: String) { #expect(code(Array(text.utf8)) == expected) }

    /// Every file cut short anywhere is refused, never half a picture: cut by up to a tenth, except where what is
    /// missing is no part of the picture.
    @Test(arguments: Fixture.names)
    func cutShort(name: String) throws {
        let bytes = try Fixture.bytes(name)
        let whole = try Picture.load(bytes: bytes)
        for length in stride(from: 1, to: bytes.count - 1, by: max(1, bytes.count / 150)) {
            do {
                let picture = try Picture.load(bytes: Array(bytes[..<length]), name: name)
                #expect(picture.rgb == whole.rgb, "cut to \(length) of \(bytes.count) bytes")
            } catch {
                #expect(["truncated", "corrupt", "not_a_picture", "unsupported"].contains(error.code))
            }
        }
    }

    @Test func jpegWithoutItsEnd() throws {
        let bytes = try Fixture.bytes("jpeg.jpg")
        #expect(code(Array(bytes.dropLast(2))) == "21x13")
        #expect(code(Array(bytes.dropLast(60))) == "truncated")
        #expect(code(Array(try Fixture.bytes("jpeg-progressive.jpg").dropLast(2))) == "truncated")
        #expect(code(bytes + [UInt8](repeating: 0x41, count: 1000)) == "21x13")
    }

    @Test func damagedData() throws {
        var png = try Fixture.bytes("rgb.png")
        png[png.count - 30] ^= 0x55
        #expect(code(png) == "corrupt")
    }

    /// Headers that promise far more than the file holds are refused before anything is decoded.
    @Test func bombs() throws {
        var png = try Fixture.bytes("rgb.png")
        png.replaceSubrange(16..<24, with: [0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF])
        #expect(code(png) == "too_large")
        png.replaceSubrange(16..<24, with: [0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1])
        #expect(code(png) == "too_large")
        var gif = try Fixture.bytes("frames.gif")
        gif.replaceSubrange(6..<10, with: [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(code(gif) == "too_large")
        var jpeg = try Fixture.bytes("jpeg.jpg")
        let frame = try #require(jpeg.indices.first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
        jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(code(jpeg) == "too_large")
        var bmp = try Fixture.bytes("rgb.bmp")
        bmp.replaceSubrange(18..<26, with: [0xFF, 0xFF, 0, 0, 0, 0, 0, 0x80])
        #expect(code(bmp) == "too_large")
        #expect(code(Array("P4 99999 99999\n".utf8)) == "too_large")
        #expect(code(Array("P6 99999999999999999999 1 255\n".utf8)) == "corrupt")
    }

    @Test func limits() throws {
        let bytes = try Fixture.bytes("rgb.png")
        #expect(code(bytes, limits: .init(bytes: bytes.count - 1)) == "too_large")
        #expect(code(bytes, limits: .init(pixels: 21 * 13 - 1)) == "too_large")
        #expect(code(bytes, limits: .init(side: 20)) == "too_large")
        #expect(code(bytes, limits: .init(bytes: bytes.count, pixels: 21 * 13, side: 21)) == "21x13")
        // Over 2^31 decoded bytes, whatever the limits allow.
        let wide = PictureLimits(pixels: .max, side: .max)
        #expect(code(Array("P4 30000 30000\n".utf8), limits: wide) == "too_large")
    }

    /// A GIF of many frames costs one frame.
    @Test func framesAreNotDecoded() throws {
        let gif = try Fixture.bytes("frames.gif")
        let first = try #require(try GIFHeader.read(ByteReader(gif), limits: .default).decodable)
        #expect(first.count < gif.count)
    }

    @Test func files() throws {
        func code(_ path: String) -> String {
            do { return "\(try Picture.load(path: path).width)" } catch { return error.code }
        }
        let folder = FileManager.default.temporaryDirectory.appending(path: "pictures-\(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let fifo = folder.appending(path: "fifo").path()
        #expect(mkfifo(fifo, 0o600) == 0)
        #expect(code(fifo) == "not_a_file")
        #expect(code(folder.path()) == "not_a_file")
        #expect(code("/dev/zero") == "not_a_file")
        #expect(code(folder.appending(path: "none").path()) == "unreadable")
        let misnamed = folder.appending(path: "really-a-png.jpg")
        try Data(Fixture.bytes("rgb.png")).write(to: misnamed)
        #expect(code(misnamed.path()) == "21")
        try Data().write(to: misnamed)
        #expect(code(misnamed.path()) == "empty")
    }
}
