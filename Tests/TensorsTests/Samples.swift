import CKernels

@testable import Tensors

/// Numbers that are the same on every run (SplitMix64).
struct Samples {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func bits() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }

    /// Uniform in [-1, 1).
    mutating func float() -> Float { Float(Int64(bitPattern: bits()) >> 40) / Float(1 << 23) }

    mutating func floats(_ count: Int, times scale: Float = 1) -> [Float] { (0..<count).map { _ in float() * scale } }

    /// Random bytes of a weight whose scales are sensible halves.
    mutating func weight(_ type: ElementType, elements: Int) -> [UInt8] {
        let blocks = elements / type.blockElements
        var bytes: [UInt8] = []
        for _ in 0..<blocks {
            var block = (0..<type.blockBytes).map { _ in UInt8(truncatingIfNeeded: bits()) }
            func put(_ bits: UInt64, _ width: Int, at offset: Int) {
                for i in 0..<width { block[offset + i] = UInt8(truncatingIfNeeded: bits >> UInt64(8 * i)) }
            }
            let scale = UInt64((float() * 0.25).bitPattern >> 16)
            // A half with exponent 2^-8 ... 2^-1 and a random sign and fraction.
            func half() -> UInt64 {
                let b = bits()
                return (b & 0x83ff) | (7 + b >> 20 & 7) << 10
            }
            switch type {
            case .f32: put(UInt64(float().bitPattern), 4, at: 0)
            case .f16: put(half(), 2, at: 0)
            case .bf16: put(scale, 2, at: 0)
            case .f64: put(Double(float()).bitPattern, 8, at: 0)
            case .q4_1, .q5_1, .q4_K, .q5_K:
                put(half(), 2, at: 0)
                put(half(), 2, at: 2)
            case .q4_0, .q5_0, .q8_0: put(half(), 2, at: 0)
            case .q6_K: put(half(), 2, at: 208)
            case .i8, .u8, .i32, .i64, .bool: break
            }
            bytes += block
        }
        return bytes
    }
}

/// A copy of bytes that lives as long as it is referred to, at an odd address if asked.
final class Region: @unchecked Sendable {
    let memory: UnsafeMutableRawPointer
    let bytes: UnsafeRawPointer
    let count: Int

    init(_ bytes: [UInt8], offset: Int = 0) {
        count = bytes.count
        memory = .allocate(byteCount: bytes.count + offset + 1, alignment: 64)
        memory.advanced(by: offset).copyMemory(from: bytes, byteCount: bytes.count)
        self.bytes = UnsafeRawPointer(memory + offset)
    }

    deinit { memory.deallocate() }

    var asBytes: Bytes { Bytes(base: bytes, count: count, owner: self) }
}

extension Matrix {
    /// A random weight.
    static func sample(_ type: ElementType, _ rows: Int, _ columns: Int, seed: UInt64, offset: Int = 0) throws -> Matrix {
        var samples = Samples(seed)
        let region = Region(samples.weight(type, elements: rows * columns), offset: offset)
        return try Matrix(type: type, rows: rows, columns: columns, bytes: region.asBytes)
    }

    /// x · wᵀ + bias in double precision, with the sum of the terms' sizes: what an error is measured by.
    func exactly(_ x: Tensor, rows tokens: Int, bias: [Float]?) -> [(value: Double, size: Double)] {
        let w = dequantised()
        return (0..<tokens).flatMap { t in
            (0..<rows).map { r in
                var value = Double(bias?[r] ?? 0)
                var size = abs(value)
                for c in 0..<columns {
                    let term = Double(w.row(r)[c]) * Double(x.row(t)[c])
                    value += term
                    size += abs(term)
                }
                return (value, size)
            }
        }
    }
}

/// The tables of fast loops that this CPU runs; the plain loops are what they are tested against.
let fastTables: [String] = Kernels.available.filter { $0 != "scalar" }

let weightTypes: [ElementType] = [.f32, .f16, .bf16, .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q4_K, .q5_K, .q6_K]
