import Foundation

/// The files of this repository, as the tests of the house rules see them.
struct Repository {
    let root: URL

    /// The checkout that this test was compiled from.
    static let here = Repository(root: URL(filePath: #filePath + "/../../..").standardizedFileURL)

    /// Paths from the root of every file that git has or would add; where git is absent, of every file outside .build.
    var files: [String] {
        tracked ?? present
    }

    /// Files below a folder whose name ends in one of the given extensions; all of them if none is given.
    func files(in folder: String, _ extensions: String...) -> [String] {
        files.filter { file in
            file.hasPrefix(folder + "/") && (extensions.isEmpty || extensions.contains { file.hasSuffix("." + $0) })
        }
    }

    /// The text of a file; nil if it is no UTF-8 text.
    func text(_ file: String) -> String? {
        guard let bytes = try? Data(contentsOf: root.appending(path: file)), !bytes.contains(0) else { return nil }
        return String(data: bytes, encoding: .utf8)
    }

    func lines(_ file: String) -> [Substring] {
        text(file)?.split(separator: "\n", omittingEmptySubsequences: false) ?? []
    }

    private var tracked: [String]? {
        let git = Process()
        git.executableURL = URL(filePath: "/usr/bin/env")
        git.arguments = ["git", "-C", root.path, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        let output = Pipe()
        git.standardOutput = output
        git.standardError = FileHandle.nullDevice
        guard (try? git.run()) != nil else { return nil }
        let listing = output.fileHandleForReading.readDataToEndOfFile()
        git.waitUntilExit()
        guard git.terminationStatus == 0 else { return nil }
        return String(decoding: listing, as: UTF8.self).split(separator: "\0").map(String.init).filter(exists)
    }

    private var present: [String] {
        guard let walk = FileManager.default.enumerator(atPath: root.path) else { return [] }
        return walk.compactMap { $0 as? String }
            .filter { !$0.hasPrefix(".build") && !$0.hasPrefix(".git/") && exists($0) }
    }

    private func exists(_ file: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: root.appending(path: file).path, isDirectory: &isFolder)
            && !isFolder.boolValue
    }
}
