import Foundation
import Testing

@testable import Pictures

/// The files of Tests/Chaos/make_bad_files.py, read in this process: each is the picture, or the error, that its manifest says.
@Suite struct BadFilesTests {
    private struct Expectation: Decodable {
        let row: String
        let load: [String]

        private enum Key: CodingKey { case row, load }

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: Key.self)
            row = try values.decode(String.self, forKey: .row)
            load = try (try? [values.decode(String.self, forKey: .load)]) ?? values.decode([String].self, forKey: .load)
        }
    }

    private static let maker = Fixture.folder.deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Chaos/make_bad_files.py").path

    private func outcome(_ path: String) -> String {
        do {
            let picture = try Picture.load(path: path)
            #expect(picture.rgb.count == picture.width * picture.height * 3)
            let facts = picture.facts
            return "\(facts.width)x\(facts.height)"
                + (facts.orientation == 1 ? "" : " orientation \(facts.orientation)")
                + (facts.pages == 1 ? "" : " pages \(facts.pages)")
        } catch {
            #expect(error.description.hasPrefix("\(path): expected "), "\(error)")
            return error.code
        }
    }

    @Test func eachIsWhatItsManifestSays() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "bad-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let python = Process()
        python.executableURL = URL(filePath: "/usr/bin/env")
        python.arguments = ["python3", Self.maker, "\(folder.path)/bad", "--light"]
        python.standardOutput = FileHandle.nullDevice
        try python.run()
        python.waitUntilExit()
        try #require(python.terminationStatus == 0)
        let manifest = try JSONDecoder().decode(
            [String: Expectation].self, from: Data(contentsOf: folder.appending(path: "bad.json")))
        #expect(manifest.count >= 60)
        for (name, expected) in manifest.sorted(by: { $0.key < $1.key }) {
            let found = outcome("\(folder.path)/bad/\(name)")
            #expect(
                expected.load.contains(found), "\(name) (\(expected.row)): expected \(expected.load), found \(found)")
        }
    }
}
