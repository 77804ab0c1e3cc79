import ExpertKit
import Glibc

@main struct Main {
    static func main() {
        // Tesseract's own threads slow two busy cores down several times over; read when the library is first used.
        setenv("OMP_THREAD_LIMIT", "1", 1)
        ExpertMain.run(OCRExpert.self)
    }
}
