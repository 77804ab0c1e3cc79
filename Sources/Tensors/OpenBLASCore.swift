import COpenBLAS
import Glibc

/// Which CPU OpenBLAS takes this one for.
///
/// It knows CPUs by family and model, and one that is newer than itself it takes for a Prescott of 2004, a fifth as fast
/// (0.3.21, in Debian 12, does so with Emerald Rapids). What the CPU runs is known here, so it is told.
enum OpenBLASCore {
    /// Has OpenBLAS choose again, unless a person has chosen. Before its first product, on one thread.
    static func correct() {
        let oldest = ["Prescott", "Core2", "Nehalem", "generic"]
        guard getenv("OPENBLAS_CORETYPE") == nil, let name = openblas_get_corename(),
            oldest.contains(String(cString: name)), let core = newest(Kernels.available)
        else { return }
        // The library exports them, and no header has them. A build for one CPU alone has neither.
        typealias Function = @convention(c) () -> Void
        guard let quit = dlsym(nil, "gotoblas_dynamic_quit"), let begin = dlsym(nil, "gotoblas_dynamic_init") else { return }
        setenv("OPENBLAS_CORETYPE", core, 1)
        unsafeBitCast(quit, to: Function.self)()
        unsafeBitCast(begin, to: Function.self)()
        unsetenv("OPENBLAS_CORETYPE")
    }

    /// The name of the newest core whose instructions are all among those of these tables.
    static func newest(_ tables: [String]) -> String? {
        tables.contains("avx512") ? "SkylakeX" : tables.contains("avx2") ? "Haswell" : nil
    }
}
