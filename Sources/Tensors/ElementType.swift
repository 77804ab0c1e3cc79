import CKernels

/// How the elements of a weight are stored; the quantised types are those of GGUF.
public enum ElementType: String, Sendable, CaseIterable {
    case f32, f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q4_K, q5_K, q6_K, i8, u8, i32, i64, f64, bool

    /// Elements that share one block of storage: 32 or 256 for the quantised types, otherwise 1.
    public var blockElements: Int {
        switch self {
        case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0: 32
        case .q4_K, .q5_K, .q6_K: 256
        default: 1
        }
    }

    /// Bytes of one block.
    public var blockBytes: Int {
        switch self {
        case .i8, .u8, .bool: 1
        case .f16, .bf16: 2
        case .f32, .i32: 4
        case .f64, .i64: 8
        case .q4_0: 18
        case .q4_1: 20
        case .q5_0: 22
        case .q5_1: 24
        case .q8_0: 34
        case .q4_K: 144
        case .q5_K: 176
        case .q6_K: 210
        }
    }

    /// Bytes that `elements` need; nil if they are negative, not whole blocks, or too many to count.
    public func byteCount(elements: Int) -> Int? {
        guard elements >= 0, elements % blockElements == 0 else { return nil }
        let (bytes, overflow) = (elements / blockElements).multipliedReportingOverflow(by: blockBytes)
        return overflow ? nil : bytes
    }

    var code: lk_type {
        switch self {
        case .f32: LK_F32
        case .f16: LK_F16
        case .bf16: LK_BF16
        case .f64: LK_F64
        case .i8: LK_I8
        case .u8: LK_U8
        case .i32: LK_I32
        case .i64: LK_I64
        case .bool: LK_BOOL
        case .q4_0: LK_Q4_0
        case .q4_1: LK_Q4_1
        case .q5_0: LK_Q5_0
        case .q5_1: LK_Q5_1
        case .q8_0: LK_Q8_0
        case .q4_K: LK_Q4_K
        case .q5_K: LK_Q5_K
        case .q6_K: LK_Q6_K
        }
    }
}
