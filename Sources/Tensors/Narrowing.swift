import CKernels

/// Writing float32 values in the types that models are converted to.
public enum Narrowing {
    /// The types that can be written.
    public static let types: [ElementType] = [.f32, .f16, .q8_0, .q4_0]

    /// Writes `count` values, whole blocks of `type`, to `out`, which has room for them. False if a value cannot be held:
    /// it is no number, or too large.
    /// - Precondition: `type` is one of `types`.
    public static func write(
        _ x: UnsafePointer<Float>, count: Int, as type: ElementType, to out: UnsafeMutableRawPointer
    ) -> Bool {
        precondition(types.contains(type) && count % type.blockElements == 0, "\(count) values as \(type.rawValue)")
        switch type {
        case .q8_0: return lk_narrow_q8_0(x, out, count) != 0
        case .q4_0: return lk_narrow_q4_0(x, out, count) != 0
        case .f16: return lk_narrow_f16(x, out, count) != 0
        default:
            out.copyMemory(from: x, byteCount: count * 4)
            return true
        }
    }
}
