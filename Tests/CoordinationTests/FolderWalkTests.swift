import Coordination
import Foundation
import Testing

@Suite struct FolderWalkTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func walk(_ inputs: [String]? = nil, excluding: String? = nil) throws -> [String] {
        try FolderWalk(inputs: inputs ?? [folder.path], excluding: excluding).map { found in
            switch found {
            case .file(_, let name): name.itemName.name
            case .refused(let name, .skipped(let code, _)): "\(name.itemName.name) skipped \(code)"
            case .refused(let name, .failed(let code, _)): "\(name.itemName.name) failed \(code)"
            }
        }
    }

    @Test func filesComeInByteOrderRelativeToTheFolder() throws {
        for name in ["b.jpg", "a/2.jpg", "a/1.jpg", "Z.jpg", "-dash.jpg", "line\nbreak.jpg"] {
            try folder.file(name, [1])
        }
        #expect(try walk() == ["-dash.jpg", "Z.jpg", "a/1.jpg", "a/2.jpg", "b.jpg", "line\nbreak.jpg"])
    }

    @Test func linksStayInside() throws {
        try folder.file("in/a.jpg", [1])
        try folder.file("out.jpg", [1])
        let inside = "\(folder.path)/in"
        let links = ["link.jpg": "a.jpg", "loop": ".", "nothing": "missing", "escape.jpg": "../out.jpg"]
        for (name, target) in links {
            try FileManager.default.createSymbolicLink(atPath: "\(inside)/\(name)", withDestinationPath: target)
        }
        #expect(
            try walk([inside]) == [
                "a.jpg", "escape.jpg skipped link", "link.jpg", "loop skipped link", "nothing skipped broken_link",
            ])
    }

    @Test func specialFilesAreSkippedAndTheOutputIsNotAnInput() throws {
        try folder.file("a.jpg", [1])
        try folder.file("out/results.jsonl", [1])
        #expect(mkfifo("\(folder.path)/pipe", 0o600) == 0)
        #expect(try walk(excluding: "\(folder.path)/out") == ["a.jpg", "pipe skipped not_a_file"])
    }

    @Test func manyNamesComeInByteOrder() throws {
        let names = (0..<3000).map { String(format: "%x%c", $0 * 7919 % 100_003, $0 % 60 + 0x40) }.filter {
            !$0.contains("/")
        }
        for name in Set(names) { try folder.file(name, []) }
        let sorted = Set(names).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        #expect(try walk() == sorted)
    }

    @Test func socketsAndDevicesAreSkipped() throws {
        let line = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(line) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = "\(folder.path)/s"
        try #require(path.utf8.count <= 107)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(line, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(bound == 0)
        #expect(try walk() == ["s skipped not_a_file"])
        #expect(try walk(["/dev/null"]) == ["null skipped not_a_file"])
    }

    @Test func foldersNestedTooDeepAreRefusedAndTheRestIsNot() throws {
        try folder.file("z.jpg", [1])
        try folder.file(String(repeating: "d/", count: 600) + "a.jpg", [1])
        let found = try walk()
        #expect(found.count == 2)
        #expect(found.first?.hasSuffix(" failed unreadable") == true)
        #expect(found.last == "z.jpg")
    }

    @Test func severalInputsKeepTheirNamesApart() throws {
        for name in ["x/a.jpg", "y/a.jpg", "z/x/b.jpg"] { try folder.file(name, [1]) }
        let path = folder.path
        #expect(try walk(["\(path)/x", "\(path)/y"]) == ["x/a.jpg", "y/a.jpg"])
        #expect(try walk(["\(path)/x", "\(path)/z/x"]) == ["\(path)/x/a.jpg", "\(path)/z/x/b.jpg"])
        #expect(throws: CoordinationError.self) { try walk(["\(path)/x", "\(path)/y/../x"]) }
        #expect(throws: CoordinationError.self) { try walk(["\(path)/missing"]) }
    }

    @Test func aNameThatIsNotUTF8IsEscaped() {
        let (name, escaped) = PathBytes([0x61, 0xFF, 0x25, 0xC3, 0xA9]).itemName
        #expect(name == "a%FF%25é")
        #expect(escaped)
        #expect(PathBytes("50%.jpg").itemName.name == "50%.jpg")
    }
}

@Suite struct PictureFileTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func verdict(_ name: String, _ bytes: [UInt8]) throws -> String {
        do {
            return try PictureFile.examine(PathBytes(try folder.file(name, bytes))).format
        } catch PictureFile.Refusal.skipped(let code, _) {
            return "skipped \(code)"
        } catch PictureFile.Refusal.failed(let code, _) {
            return "failed \(code)"
        }
    }

    @Test func theFirstBytesDecideNotTheName() throws {
        #expect(try verdict("a.txt", [0xFF, 0xD8, 0xFF, 0xE0, 0, 0]) == "jpeg")
        #expect(try verdict("a.jpg", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0]) == "png")
        #expect(try verdict("a.jpg", Array("hello".utf8)) == "failed not_a_picture")
        #expect(try verdict("notes.txt", Array("hello".utf8)) == "skipped not_a_picture")
        #expect(try verdict("BMW.txt", Array("BMW is a maker of cars and motorcycles".utf8)) == "skipped not_a_picture")
        #expect(try verdict("p.pnm", Array("P5\n1 1\n255\n\0".utf8)) == "pnm")
        #expect(try verdict("p.pam", Array("P7\nWIDTH 1\n".utf8)) == "pnm")
        #expect(try verdict("a.exr", [0x76, 0x2F, 0x31, 0x01, 2, 0, 0, 0]) == "failed unsupported_picture")
        #expect(try verdict("film.mp4", [0, 0, 0, 24] + Array("ftypisom".utf8)) == "skipped not_a_picture")
        #expect(try verdict("empty.png", []) == "failed empty")
        #expect(try verdict("empty", []) == "skipped not_a_picture")
        #expect(try verdict("a.heic", [0, 0, 0, 24] + Array("ftypheic".utf8)) == "failed unsupported_picture")
    }

    @Test func theHashIsOfTheWholeFile() throws {
        let path = try folder.file("a.pgm", Array("P5\n".utf8) + [UInt8](repeating: 7, count: 1 << 20))
        let picture = try PictureFile.examine(PathBytes(path))
        #expect(picture.stamp.size == Int64(1 << 20) + 3)
        #expect(picture.sha256.count == 32)
        try folder.file("b.pgm", Array("P5\n".utf8) + [UInt8](repeating: 7, count: 1 << 20))
        #expect(try PictureFile.examine(PathBytes("\(folder.path)/b.pgm")).sha256 == picture.sha256)
    }
}
