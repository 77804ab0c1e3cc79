import Testing

@Suite struct ImportTests {
    let house = Repository.here

    @Test func everyFolderOfSourcesIsARoom() {
        let code = house.files(in: "Sources", "swift", "c", "h", "modulemap")
        let folders = Set(code.map { String($0.split(separator: "/")[1]) })
        #expect(folders == Set(Room.house.map(\.name)), "Room.swift and the folders of Sources differ")
    }

    @Test func importsGoDownOnly() {
        var faults: [String] = []
        for file in house.files(in: "Sources", "swift") {
            guard let room = Room.named(file.split(separator: "/")[1]) else { continue }
            for (number, line) in house.lines(file).enumerated() {
                guard let module = Self.module(importedBy: line), let fault = room.fault(importing: module)
                else { continue }
                faults.append("\(file):\(number + 1): \(fault)")
            }
        }
        #expect(faults.isEmpty, "\(faults.joined(separator: "\n"))")
    }

    @Test func manifestDeclaresNothingMore() throws {
        let manifest = try #require(house.text("Package.swift"))
        var faults: [String] = []
        var seen: Set<String> = []
        for target in manifest.matches(of: /(?:library|program)\(\s*"([^"]+)",\s*\[([^\]]*)\]/) {
            let name = String(target.1)
            seen.insert(name)
            guard let room = Room.named(name) else {
                faults.append("Package.swift: target \(name) is not in Room.swift")
                continue
            }
            for word in target.2.split(separator: ",") {
                let word = word.trimming { " \n\t\"".contains($0) }
                if word.isEmpty { continue }  // behind the last comma
                let module = Self.product(word, in: manifest) ?? word
                if let fault = room.fault(importing: module) { faults.append("Package.swift: \(fault)") }
            }
        }
        #expect(faults.isEmpty, "\(faults.joined(separator: "\n"))")
        #expect(seen.count == Room.house.count { $0.layer > 1 }, "targets read from Package.swift: \(seen.sorted())")
    }

    @Test func kernelsIncludeOnlyTheirOwnAndTheStandardHeaders() {
        let standard: Set<Substring> = [
            "arm_neon.h", "float.h", "immintrin.h", "math.h", "stdbool.h", "stddef.h", "stdint.h", "stdlib.h",
            "string.h",
        ]
        // Where it asks Linux for leave to use AMX.
        let asking: [String: Set<Substring>] = ["Sources/CKernels/choose.c": ["sys/syscall.h", "unistd.h"]]
        var faults: [String] = []
        for file in house.files(in: "Sources/CKernels", "c", "h") {
            for include in house.text(file)?.matches(of: /(?m)^\s*#\s*include\s*<([^>]+)>/) ?? []
            where !standard.union(asking[file] ?? []).contains(include.1) {
                faults.append("\(file) includes <\(include.1)>")
            }
        }
        #expect(faults.isEmpty, "\(faults.joined(separator: "\n"))")
    }

    @Test func bridgesToCHaveNoCode() {
        for room in ["CLeptonica", "COpenBLAS", "CTesseract", "CZBar", "CZeroMQ"] {
            let folder = "Sources/" + room
            #expect(Set(house.files(in: folder)) == [folder + "/module.modulemap", folder + "/shim.h"])
        }
    }

    /// `import X`, `public import X`, `@testable import struct X.Y`: X. What is indented is text of a template.
    static func module(importedBy line: some StringProtocol) -> String? {
        let words = line.split(separator: " ")
        guard !line.hasPrefix(" "), let at = words.firstIndex(of: "import"),
            words[..<at].allSatisfy({ $0.hasPrefix("@") || ["public", "package", "internal", "private"].contains($0) })
        else { return nil }
        let kinds = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
        let rest = words[(at + 1)...].drop { kinds.contains(String($0)) }
        return rest.first?.prefix { $0 != "." }.description
    }

    /// The product that a constant of the manifest stands for.
    static func product(_ constant: String, in manifest: String) -> String? {
        for declaration in manifest.matches(of: /let (\w+) = Target\.Dependency\.product\(name: "(\w+)"/)
        where declaration.1 == constant {
            return String(declaration.2)
        }
        return nil
    }
}

extension StringProtocol {
    func trimming(_ isOuter: (Character) -> Bool) -> String {
        String(drop(while: isOuter).reversed().drop(while: isOuter).reversed())
    }
}
