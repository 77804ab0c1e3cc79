import Foundation
import Testing

/// `lorgnette experts check` on workers that keep the contract, and on those that break it in one way each.
@Suite struct ExpertsCheckTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    private static let faulty = "\(Workbench.programs)/FaultyWorker"
    private static let tiny = "\(Workbench.package)/Tests/Fixtures/tiny"

    /// Names of the checks with this mark at the beginning of their line.
    private func names(_ mark: String, in output: String) -> Set<String> {
        let lines = output.split(separator: "\n").filter { $0.hasPrefix(mark + " ") }
        return Set(lines.compactMap { $0.dropFirst(mark.count).split(separator: " ").first.map(String.init) })
    }

    private func check(_ arguments: [String], environment: [String: String] = [:]) throws -> Workbench.Ended {
        try bench.run(["experts", "check"] + arguments, environment: environment)
    }

    @Test func aWorkerWithoutFaultPassesEveryCheck() throws {
        let junit = "\(bench.path)/report.xml"
        let ended = try check(["--junit", junit, Self.faulty])
        #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
        #expect(names("FAILED", in: ended.output).isEmpty, "\(ended.output)")
        // It answers at once, loads at once, and streams nothing.
        #expect(
            names("not checked", in: ended.output).isSubset(of: [
                "heartbeat.loading", "heartbeat.working", "task.progress",
            ]),
            "\(ended.output)")
        let report = try String(contentsOfFile: junit, encoding: .utf8)
        #expect(report.contains("failures=\"0\"") && report.contains("<testcase classname=\"drain\""))
    }

    /// What is planted in FaultyWorker, and the check that must find it.
    private static let planted: [(fault: String, check: String)] = [
        ("ends-at-once", "hello.said"), ("no-second-hello", "hello.repeated"), ("epoch-0", "message.epoch"),
        ("protocol-2", "message.protocol"), ("service-of-two-words", "hello.service"),
        ("another-worker-name", "hello.worker"), ("one-port-twice", "hello.ports"),
        ("option-without-type", "hello.options"), ("default-out-of-range", "hello.options"),
        ("concurrency-0", "hello.concurrency"), ("stays-when-refused", "refuse.ends"),
        ("works-for-protocol-2", "version.welcome"), ("ends-without-naming-protocols", "version.welcome"),
        ("any-option", "option.type"), ("never-ready", "ready.said"), ("ready-twice", "ready.once"),
        ("credit-0", "ready.credit"), ("bad-fingerprint", "ready.models"),
        ("silent-while-loading", "heartbeat.loading"), ("no-answer", "task.answered"), ("two-answers", "task.once"),
        ("wrong-attempt", "task.addressed"), ("wrong-task", "task.addressed"),
        ("another-epoch-in-results", "message.epoch"), ("progress-of-another-task", "task.progress"),
        ("paths-only", "picture.bytes"), ("dies-at-unknown-body", "version.body"),
        ("silent-while-idle", "heartbeat.idle"),
        ("silent-while-working", "heartbeat.working"), ("region-outside", "result.boxes"),
        ("confidence-2", "result.confidence"), ("nan-tensor", "result.tensors"), ("short-tensor", "result.tensors"),
        ("tensor-without-frame", "result.tensors"), ("another-size", "result.picture"),
        ("empty-outcome", "result.outputs"), ("failure-without-code", "failure.typed"),
        ("ignores-hash", "picture.changed"), ("gone-is-internal", "picture.gone"),
        ("dies-at-torn-picture", "picture.corrupt"), ("empty-picture-is-fine", "picture.empty"),
        ("no-answer-to-text", "picture.text"), ("dies-at-missing-frame", "picture.frame"),
        ("needs-no-input", "input.missing"), ("takes-any-port", "input.unknown"), ("takes-two-stages", "input.second"),
        ("takes-any-tensor", "input.tensor"), ("drops-within-credit", "credit.full"),
        ("drops-over-credit", "credit.over"), ("over-credit-is-final", "credit.over"), ("works-twice", "task.twice"),
        ("drops-second-attempt", "task.attempt"), ("cancel-is-silence", "cancel.answered"),
        ("cancelled-and-done", "cancel.answered"), ("answers-unknown-cancel", "cancel.unknown"),
        ("dies-at-garbage", "noise.garbage"), ("any-epoch", "noise.epoch"),
        ("ends-at-second-welcome", "noise.sequence"), ("ignores-drain", "drain.goodbye"),
        ("drops-tasks-at-drain", "drain.finishes"), ("works-after-drain", "drain.refuses"),
        ("exit-status-3", "drain.goodbye"), ("no-goodbye", "drain.goodbye"), ("talks-after-goodbye", "goodbye.last"),
        ("dies-at-sigterm", "sigterm.drains"), ("same-epoch", "kill.restart"), ("outlives-silence", "silence.ends"),
        ("outlives-silence", "parent.death"),
    ]

    /// Checks that make the worker do what a rule judges.
    private static let occasions: [String: [String]] = [
        "failure.typed": ["picture.gone"], "goodbye.last": ["drain.goodbye"],
    ]

    @Test(arguments: planted) func aFaultIsFoundByName(fault: String, check name: String) throws {
        var arguments = ["--load", "6", "--set", "deadline=2s", "--farewell", "3"]
        for only in [name] + (Self.occasions[name] ?? []) { arguments += ["--only", only] }
        if name.hasPrefix("heartbeat.") { arguments += ["--liveness", "1", "--set", "deadline=10s"] }
        let ended = try check(arguments + [Self.faulty, fault])
        #expect(ended.status == 1, "\(ended.output)\(ended.errors)")
        #expect(names("FAILED", in: ended.output).contains(name), "\(ended.output)")
    }

    @Test func everyPlantedFaultIsTried() throws {
        let words = try bench.run(["?"], program: "FaultyWorker").output.split {
            !$0.isLetter && !$0.isNumber && $0 != "-"
        }
        let all = Set(words.drop { $0 != "none" }.map(String.init)).subtracting(["none"])
        #expect(all.count >= 60)
        #expect(Set(Self.planted.map(\.fault)) == all)
    }

    @Test func manyThingsWrongAreAllTold() throws {
        let ended = try check(["--set", "deadline=2s", "--farewell", "3", Self.faulty, "confidence-2"])
        #expect(ended.status == 1)
        #expect(names("FAILED", in: ended.output) == ["result.confidence"], "\(ended.output)")
        #expect(ended.output.contains("expected a confidence of 0…1, found 2.0"), "\(ended.output)")
    }

    @Test(arguments: ["encoder", "ocr", "captioner", "generator"]) func aBuiltInExpertPasses(expert: String) throws {
        let models = "\(bench.path)/data/models"
        try FileManager.default.createDirectory(atPath: models, withIntermediateDirectories: true)
        for (name, file) in [("SmolLM2-135M-Instruct.Q4_1.gguf", "language.gguf"), ("vit_s_focus.onnx", "vision.onnx")] {
            try FileManager.default.copyItem(atPath: "\(Self.tiny)/\(file)", toPath: "\(models)/\(name)")
        }
        var arguments: [String] = []
        if ["captioner", "generator"].contains(expert) { arguments += ["--from", "visual=encoder"] }
        if expert == "captioner" { arguments += ["--set", "adapter=\(Self.tiny)/adapter.safetensors"] }
        let ended = try check(arguments + [expert], environment: ["LORGNETTE_HOME": "\(bench.path)/data"])
        #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
        let unchecked = names("not checked", in: ended.output)
        #expect(!unchecked.contains("task.answered") && !unchecked.contains("credit.full"), "\(ended.output)")
        if expert == "encoder" { #expect(!unchecked.contains("result.tensors"), "\(ended.output)") }
        if expert == "ocr" { #expect(!unchecked.contains("result.boxes"), "\(ended.output)") }
        if expert == "captioner" { #expect(!unchecked.contains("input.tensor"), "\(ended.output)") }
    }

    /// Experts that are written as a stranger would write them.
    @Test(arguments: ["barcode", "search", "command", "detector"]) func aProofOfTheContractPasses(expert: String) throws {
        try bench.write("notes/note.md", "# Noise\n\nMost of these pictures are noise.\n".utf8)
        let options = [
            "search": ["--set", "notes=\(bench.path)/notes"],
            "command": ["--set", "run=[file, --brief, \"{picture}\"]"],
        ]
        let ended = try check((options[expert] ?? []) + [expert])
        #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
        let unchecked = names("not checked", in: ended.output)
        #expect(!unchecked.contains("task.answered") && !unchecked.contains("credit.full"), "\(ended.output)")
        let decodes = ["barcode", "detector"].contains(expert)
        #expect(unchecked.contains("picture.corrupt") == !decodes, "\(ended.output)")
    }

    @Test func aStageOfAPipelineIsFedByTheOthers() throws {
        let pipeline = try bench.pipeline(
            """
            pipeline: t
            ask: what?
            stages:
              first: {expert: rehearsal, say: HELLO, tensor: true}
              last: {expert: rehearsal, context: [first], visual: first, read: true, credit: 4}
            """)
        let ended = try check([
            "--pipeline", pipeline, "--stage", "last", "--only", "input", "--only", "picture.changed",
        ])
        #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
        #expect(
            names("ok", in: ended.output).isSuperset(of: ["input.tensor", "input.second", "picture.changed"]),
            "\(ended.output)")
        let noStage = try check(["--pipeline", pipeline, "--stage", "lost"])
        #expect(noStage.status == 2 && noStage.errors.contains("first, last"), "\(noStage.errors)")
    }

    @Test func aWorkerThatRunsAlreadyIsChecked() throws {
        let worker = Process()
        worker.executableURL = URL(fileURLWithPath: "\(Workbench.programs)/lorgnette-rehearsal")
        let port = try freePort()
        worker.arguments = ["--bind", "tcp://127.0.0.1:\(port)"]
        worker.standardError = FileHandle.nullDevice
        try worker.run()
        defer { worker.terminate() }
        let ended = try check([
            "--at", "tcp://127.0.0.1:\(port)", "--set", "read=true", "--only", "hello", "--only", "task", "--only",
            "drain",
        ])
        #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
        #expect(
            names("ok", in: ended.output).isSuperset(of: ["hello.repeated", "task.answered", "drain.goodbye"]),
            "\(ended.output)")
        #expect(names("not checked", in: ended.output).contains("drain.finishes"))
        worker.waitUntilExit()
        #expect(worker.terminationStatus == 0)
    }

    /// One that was free a moment ago.
    private func freePort() throws -> UInt16 {
        let line = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(line) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(line, $0, size) == 0 && getsockname(line, $0, &size) == 0
            }
        }
        try #require(isBound)
        return UInt16(bigEndian: address.sin_port)
    }

    @Test func usageFaultsAreToldApart() throws {
        #expect(try check([]).status == 2)
        #expect(try check(["--only", "nonsense", Self.faulty]).status == 2)
        let option = try check(["--set", "dealy_ms=1", Self.faulty])
        #expect(option.status == 2 && option.errors.contains("delay_ms"), "\(option.errors)")
        let missing = try check(["\(bench.path)/no-such-program"])
        #expect(missing.status == 3 && missing.errors.contains("no-such-program"), "\(missing.errors)")
        let list = try check(["--list"])
        #expect(list.status == 0 && list.output.contains("\ndrain.goodbye "), "\(list.output)")
    }
}
