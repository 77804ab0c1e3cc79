import Glibc

/// Where Tesseract's language files are.
enum Tessdata {
    struct Missing: Error, Equatable {
        /// `chi_sim.traineddata`.
        let file: String
        /// The Debian package that has it.
        let package: String
        let searched: [String]
    }

    /// Folders that may hold `*.traineddata`, in order of preference.
    static var folders: [String] {
        var folders: [String] = []
        if let prefix = getenv("TESSDATA_PREFIX") {
            let path = String(cString: prefix)
            folders += [path, path + "/tessdata"]
        }
        return folders + [
            "/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tesseract-ocr/4.00/tessdata", "/usr/share/tessdata",
            "/usr/local/share/tessdata",
        ]
    }

    /// A language is a file's name: `eng`, `chi_sim`, `script/Latin`.
    static func isName(_ language: String) -> Bool {
        let parts = language.split(separator: "/", omittingEmptySubsequences: false)
        return (1...2).contains(parts.count)
            && parts.allSatisfy { part in
                !part.isEmpty && part.utf8.allSatisfy { $0 == 0x5F || isalnum(Int32($0)) != 0 }
            }
    }

    /// The folder that has all of `languages`.
    static func folder(for languages: [String], in folders: [String] = Tessdata.folders) throws(Missing) -> String {
        for folder in folders where languages.allSatisfy({ exists(folder, $0) }) { return folder }
        // Name what the best folder lacks.
        let best = folders.max { count(languages, $0) < count(languages, $1) }
        let language = languages.first { best == nil || !exists(best ?? "", $0) } ?? "eng"
        let package = language.split(separator: "/").map { $0.lowercased() }.joined(separator: "-")
        throw Missing(
            file: language + ".traineddata",
            package: "tesseract-ocr-" + package.split(separator: "_").joined(separator: "-"), searched: folders)
    }

    private static func count(_ languages: [String], _ folder: String) -> Int {
        languages.count { exists(folder, $0) }
    }

    private static func exists(_ folder: String, _ language: String) -> Bool {
        access(folder + "/" + language + ".traineddata", R_OK) == 0
    }
}
