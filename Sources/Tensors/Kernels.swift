import CKernels
import Glibc

/// The table of C loops in use, chosen once: the fastest that the CPU runs, or what `LORGNETTE_KERNELS` asks for.
public enum Kernels {
    /// "scalar", "avx2", "avx512", "vnni" or "amx".
    public static var name: String { String(cString: table.pointee.name) }

    /// A sentence on why `LORGNETTE_KERNELS` was not followed; nil if it was, or is not set.
    public static var complaint: String? { choice.complaint }

    /// The names that this CPU can run, slowest first.
    public static var available: [String] {
        ["scalar", "avx2", "avx512", "vnni", "amx"].filter { lk_kernels_named($0) != nil }
    }

    static var table: UnsafePointer<lk_kernels> { choice.table }

    static func widen(_ type: ElementType) -> lk_widen_fn { lk_widen(table, type.code) }

    static func product(_ type: ElementType) -> lk_product_fn? { lk_product(table, type.code) }

    /// The product of rows packed as integers with weights of this type, if there is one.
    static func integer(_ type: ElementType) -> lk_integer_fn? { lk_integer_product(table, type.code) }

    struct Choice: @unchecked Sendable {
        let table: UnsafePointer<lk_kernels>
        let complaint: String?
    }

    static let choice = choose(asked: getenv("LORGNETTE_KERNELS").map { String(cString: $0) })

    static func choose(asked: String?) -> Choice {
        let best = lk_kernels_best()
        guard let asked, !asked.isEmpty else { return Choice(table: best, complaint: nil) }
        if let table = lk_kernels_named(asked) { return Choice(table: table, complaint: nil) }
        let complaint = """
            LORGNETTE_KERNELS: expected one of \(available.joined(separator: ", ")) on this CPU, found "\(asked)"; \
            using \(String(cString: best.pointee.name))
            """
        return Choice(table: best, complaint: complaint)
    }
}
