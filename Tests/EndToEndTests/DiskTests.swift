import Foundation
import Testing

/// Disks that are full or may not be written to: a clean stop, and then the same results as if nothing had been.
@Suite struct DiskTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    private static let lorgnette = "\(Workbench.programs)/lorgnette"
    /// A small file system of one's own takes root and a kernel that lets root mount.
    private static let canMount: Bool = {
        guard getuid() == 0, let bench = try? Workbench() else { return false }
        return
            (try? bench.run(
                ["-m", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", bench.inputs],
                program: "/usr/bin/unshare"))?.status == 0
    }()

    private func shell(_ script: String, mounting: Bool = false) throws -> Workbench.Ended {
        let words = ["bash", "-euc", script]
        return mounting
            ? try bench.run(["-m", "--propagation", "private"] + words, program: "/usr/bin/unshare")
            : try bench.run(words, program: "/usr/bin/env")
    }

    private func command(out: String? = nil) throws -> String {
        let pipeline = try bench.pipeline("pipeline: t\nstages:\n  one: {expert: rehearsal, read: true}\nanswer: one\n")
        return "\(Self.lorgnette) run \(pipeline) \(bench.inputs) --out \(out ?? bench.out)"
    }

    private func pictures(_ count: Int) throws {
        for index in 0..<count { try bench.picture("\(index).pgm", seed: index) }
    }

    private func expectAllDone(_ count: Int) throws {
        let results = try bench.results()
        #expect(results.count == count)
        #expect(results.values.allSatisfy { $0.status == "ok" && $0.answerText != nil })
    }

    @Test(.enabled(if: canMount, "no root, or no mounts")) func aFullDiskStopsTheRunAndItGoesOnWhenThereIsRoom() throws {
        try pictures(1500)
        let small = "\(bench.path)/small"
        let command = try command(out: small)
        let ended = try shell(
            """
            mkdir -p \(bench.out) \(small)
            mount -t tmpfs -o size=640k tmpfs \(small)
            \(command) && exit 20 || test $? = 4
            echo stopped
            \(command) && exit 21 || test $? = 4
            mount -o remount,size=64m \(small)
            \(command)
            cp \(small)/results.jsonl \(bench.out)
            """, mounting: true)
        #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
        #expect(ended.output.contains("stopped"))
        #expect(ended.errors.contains("full") && ended.errors.contains("what is done is kept"), "\(ended.errors)")
        #expect(ended.errors.contains("of them done before"), "\(ended.errors)")
        try expectAllDone(1500)
    }

    /// Where nothing can be mounted: a file that may not grow is as good as a full disk.
    @Test func aFileThatMayNotGrowStopsTheRunAndItGoesOn() throws {
        try pictures(600)
        let command = try command()
        // The thread sanitizer writes 512 KB to a file in TMPDIR, maps it, and dies where it could not grow; it does without
        // where there is no such folder.
        let ended = try shell("ulimit -f 200; export TMPDIR=/nowhere; \(command) && exit 20 || test $? = 4")
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(ended.errors.contains("what is done is kept"), "\(ended.errors)")
        let again = try shell(command)
        #expect(again.status == 0, "\(again.errors)")
        try expectAllDone(600)
    }

    @Test(.enabled(if: canMount, "no root, or no mounts")) func anOutputThatCannotBeWrittenToStopsAtOnce() throws {
        try pictures(3)
        let command = try command()
        let ended = try shell(
            """
            mkdir -p \(bench.out)
            mount -t tmpfs -o ro tmpfs \(bench.out)
            \(command) && exit 20 || test $? = 4
            """, mounting: true)
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(ended.errors.contains("Read-only file system"), "\(ended.errors)")
        #expect(try shell(command).status == 0)
        try expectAllDone(3)
    }

    @Test func anOutputThatIsAFileIsNamed() throws {
        try pictures(1)
        try bench.write("out", "a file".utf8)
        let ended = try shell("\(try command()) && exit 20 || test $? = 4")
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(ended.errors.contains("output \(bench.out)"), "\(ended.errors)")
    }

    @Test func tooFewOpenFilesAreSaidBeforeTheRun() throws {
        try pictures(3)
        let command = try command()
        let ended = try shell("ulimit -n 40; \(command) && exit 20 || test $? = 4")
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(ended.errors.contains("ulimit -n"), "\(ended.errors)")
        #expect(try shell("ulimit -Sn 40; \(command)").status == 0)
        try expectAllDone(3)
    }
}
