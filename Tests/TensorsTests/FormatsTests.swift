import CKernels
import Testing

@testable import Tensors

/// Facts of the block layouts, from blocks made by hand. 0x3c00 is the half 1, 0x4000 is 2, 0xb800 is -0.5.
@Suite struct FormatsTests {
    /// One block widened, by every table alike.
    func widened(_ type: ElementType, _ bytes: [UInt8]) throws -> [Float] {
        #expect(bytes.count == type.blockBytes)
        var results: [[Float]] = []
        for name in Kernels.available {
            let table = try #require(lk_kernels_named(name))
            var out = [Float](repeating: 0, count: type.blockElements)
            lk_widen(table, type.code)(bytes, &out, type.blockElements)
            results.append(out)
        }
        #expect(results.allSatisfy { $0 == results[0] })
        return results[0]
    }

    /// Byte i has low nibble i and high nibble 15 - i.
    let nibbles: [UInt8] = (0..<16).map { UInt8($0 | (15 - $0) << 4) }
    let up: [Float] = (0..<16).map { Float($0) }
    var down: [Float] { up.reversed() }

    @Test func q4_0() throws {
        #expect(try widened(.q4_0, [0x00, 0x40] + nibbles) == (up + down).map { 2 * ($0 - 8) })
    }

    @Test func q4_1() throws {
        #expect(try widened(.q4_1, [0x00, 0x40, 0x00, 0xb8] + nibbles) == (up + down).map { 2 * $0 - 0.5 })
    }

    @Test func q5_0() throws {
        // Bits 0 and 31: the first and the last element get 16 more.
        var expected = (up + down).map { 2 * ($0 - 16) }
        expected[0] += 32
        expected[31] += 32
        #expect(try widened(.q5_0, [0x00, 0x40, 0x01, 0x00, 0x00, 0x80] + nibbles) == expected)
    }

    @Test func q5_1() throws {
        // Bits 15 and 16: the last of the low and the first of the high nibbles get 16 more.
        var expected = (up + down).map { 2 * $0 - 0.5 }
        expected[15] += 32
        expected[16] += 32
        #expect(try widened(.q5_1, [0x00, 0x40, 0x00, 0xb8, 0x00, 0x80, 0x01, 0x00] + nibbles) == expected)
    }

    @Test func q8_0() throws {
        let q = (0..<32).map { Int8($0 * 8 - 128) }
        #expect(try widened(.q8_0, [0x00, 0x40] + q.map { UInt8(bitPattern: $0) }) == q.map { 2 * Float($0) })
    }

    /// Scales 1, 2, 3, 4, 60, 61, 62, 63 and minimums 5, 6, 7, 8, 33, 34, 35, 36 in their twelve bytes.
    var scales: [UInt8] {
        let s = [1, 2, 3, 4, 60, 61, 62, 63]
        let m = [5, 6, 7, 8, 33, 34, 35, 36]
        let first = (0..<4).map { UInt8(s[$0] | s[$0 + 4] / 16 * 64) }
        let second = (0..<4).map { UInt8(m[$0] | m[$0 + 4] / 16 * 64) }
        return first + second + (0..<4).map { UInt8(s[$0 + 4] & 15 | (m[$0 + 4] & 15) << 4) }
    }

    @Test func q4_K() throws {
        // All low nibbles 3, all high nibbles 9: groups of 32 alternate.
        let out = try widened(.q4_K, [0x00, 0x40, 0x00, 0x3c] + scales + [UInt8](repeating: 0x93, count: 128))
        let s: [Float] = [1, 2, 3, 4, 60, 61, 62, 63]
        let m: [Float] = [5, 6, 7, 8, 33, 34, 35, 36]
        for i in 0..<256 { #expect(out[i] == 2 * s[i / 32] * (i / 32 % 2 == 0 ? 3 : 9) - m[i / 32], "element \(i)") }
    }

    @Test func q5_K() throws {
        // High bits 0b10000001 for every byte: the first and the last group of 32 get 16 more.
        let out = try widened(
            .q5_K,
            [0x00, 0x40, 0x00, 0x3c] + scales + [UInt8](repeating: 0x81, count: 32) + [UInt8](repeating: 0x93, count: 128))
        let s: [Float] = [1, 2, 3, 4, 60, 61, 62, 63]
        let m: [Float] = [5, 6, 7, 8, 33, 34, 35, 36]
        for i in 0..<256 {
            let q: Float = (i / 32 % 2 == 0 ? 3 : 9) + (i < 32 || i >= 224 ? 16 : 0)
            #expect(out[i] == 2 * s[i / 32] * q - m[i / 32], "element \(i)")
        }
    }

    @Test func q6_K() throws {
        // Low nibbles 3 and 9, high pairs 0, 1, 2, 3 for the four groups of a half; scales -8 ... 7.
        let bytes =
            [UInt8](repeating: 0x93, count: 128) + [UInt8](repeating: 0b11_10_01_00, count: 64)
            + (0..<16).map { UInt8(bitPattern: Int8($0 - 8)) } + [0x00, 0x40]
        let out = try widened(.q6_K, bytes)
        for i in 0..<256 {
            let group = i / 32 % 4
            let q: Float = (group < 2 ? 3 : 9) + 16 * Float(group) - 32
            #expect(out[i] == 2 * Float(i / 16 - 8) * q, "element \(i)")
        }
    }

    @Test func plainTypes() throws {
        #expect(try widened(.bf16, [0xc0, 0x3f]) == [1.5])
        #expect(try widened(.f16, [0x01, 0x00]) == [0x1p-24])
        #expect(try widened(.f64, [0, 0, 0, 0, 0, 0, 0xf8, 0x3f]) == [1.5])
        #expect(try widened(.i8, [0xff]) == [-1])
        #expect(try widened(.u8, [0xff]) == [255])
        #expect(try widened(.i32, [0xfe, 0xff, 0xff, 0xff]) == [-2])
        #expect(try widened(.i64, [0, 0, 0, 0, 1, 0, 0, 0]) == [4_294_967_296])
        #expect(try widened(.bool, [7]) == [1])
    }
}
